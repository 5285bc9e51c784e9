import { expect, test } from 'vitest';
import type { Service } from '../../../../src/kube/objects.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { card, service, slice } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const ports = [
  { name: 'agent-tls', port: 8080 },
  { name: 'mtls', port: 8443 },
];
const own = { ...service, spec: { ...service.spec, ports } };
const slices = [{ ...slice(['weather-0']), ports }];
const settings = { agentTlsPortName: 'mtls' };

test('an agent is asked over mutual TLS on the Service port that the operator was told, whatever else agent-tls is', () => {
  const dialled = ({ plan: { agenda } }: ReturnType<typeof tell>) =>
    agenda.map(({ transport, endpoint }) => [transport, endpoint.port]);
  const unasked: Given = { services: [own], slices, pods: { 'weather-0': {} } };
  expect(dialled(tell({ ...unasked, settings }))).toEqual([['mtls', 8443]]);
  expect(dialled(tell(unasked))).toEqual([['mtls', 8080]]);
});

test.each<[string, PodGiven, Service]>([
  ['a Service without it', { answers: { source: 'http' } }, service],
  ['a pod that cannot be proven', { refuses: { code: 'PeerCertificateUntrusted' } }, own],
])('messages, hints and events name that port and no other: %s', (_, shows, only) => {
  const told = tell({ services: [only], slices, pods: { 'weather-0': shows }, settings });
  const notes = transitions({}, told.fields ?? {}, card().spec);
  const said = JSON.stringify([told.fields, notes]);
  expect(said).toContain('on the Service port mtls, or sign it.');
  expect(told.fields?.checks?.find(({ name }) => name === 'transport')?.expected).toContain('port mtls');
  expect(said).not.toContain('agent-tls');
});
