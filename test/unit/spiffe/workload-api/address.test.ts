import { expect, test } from 'vitest';
import { parseWorkloadApiAddress } from '../../../../src/spiffe/workload-api/address.ts';

test.each([
  ['unix:///run/spire/agent.sock', 'unix:///run/spire/agent.sock'],
  ['unix:/run/spire/agent.sock', 'unix:///run/spire/agent.sock'],
  ['tcp://127.0.0.1:8081', 'ipv4:127.0.0.1:8081'],
  ['tcp://[::1]:8081', 'ipv6:[::1]:8081'],
])('the Workload API address %s is the gRPC target %s', (address, target) => {
  expect(parseWorkloadApiAddress(address)).toEqual({ ok: true, value: target });
});

test.each([
  '',
  '/run/spire/agent.sock',
  'unix:agent.sock',
  'unix://agent.sock',
  'unix://host/agent.sock',
  'unix:////agent.sock',
  'unix:///agent.sock?x=1',
  'unix:///agent.sock#x',
  'tcp://localhost:8081',
  'tcp://127.0.0.1',
  'tcp://127.0.0.1:0',
  'tcp://127.0.0.1:65536',
  'tcp://127.0.0.1:8081/',
  'tcp://user@127.0.0.1:8081',
  'tcp://1.2.3:8081',
  'tcp://[127.0.0.1]:8081',
  'tcp://::1:8081',
  'http://127.0.0.1:8081',
])('%j is no Workload API address', (address) => {
  expect(parseWorkloadApiAddress(address)).toMatchObject({ error: { code: 'WorkloadApiAddressInvalid' } });
});
