import { expect, test } from 'vitest';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { answered, card, evidence, now, refused, service, slice, snapshot } from './builders.ts';
import { tell } from './tell.ts';

const ports = [
  { name: 'agent-tls', port: 8080 },
  { name: 'mtls', port: 8443 },
];
const own = { ...service, spec: { ...service.spec, ports } };
const slicesOf = () => [{ ...slice(['weather-0']), ports }];
const settings = { agentTlsPortName: 'mtls' };

test('an agent is asked over mutual TLS on the Service port that the operator was told, whatever else agent-tls is', () => {
  const dialled = ({ agenda }: ReturnType<typeof tell>) =>
    agenda.map(({ transport, endpoint }) => [transport, endpoint.port]);
  expect(dialled(tell(snapshot({ services: [own], slicesOf }), now, settings))).toEqual([['mtls', 8443]]);
  expect(dialled(tell(snapshot({ services: [own], slicesOf })))).toEqual([['mtls', 8080]]);
});

test.each([
  ['a Service without it', evidence(answered('weather-0', { transport: 'http' })), [service]],
  ['a pod that cannot be proven', evidence(refused('weather-0', 'PeerCertificateUntrusted')), [own]],
])('messages, hints and events name that port and no other: %s', (_, pods, services) => {
  const told = tell(snapshot({ services, slicesOf, evidence: pods }), now, settings);
  const notes = transitions({}, told.fields ?? {}, card().spec);
  const said = JSON.stringify([told.fields, notes]);
  expect(said).toContain('on the Service port mtls, or sign it.');
  expect(told.fields?.checks?.find(({ name }) => name === 'transport')?.expected).toContain('port mtls');
  expect(said).not.toContain('agent-tls');
});
