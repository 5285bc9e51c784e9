import { once } from 'node:events';
import type { ServerOptions } from 'node:https';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Transport } from '../../../src/kube/client/transport.ts';
import { connectTls, createTlsServer } from '../../../src/wire/tls.ts';
import {
  alternativeNames,
  basicConstraints,
  dns,
  extendedKeyUsage,
  ipv4,
  keyPemOf,
  keyUsage,
  mint,
  name,
  pemOf,
  uri,
} from '../../pki/mint.ts';
import { agentId, agentSvid, answer, https, listen, rootA, tlsOptions } from '../spiffe/tls/peers.ts';

const serverNames = (...names: readonly Buffer[]): readonly Buffer[] => [
  basicConstraints(false),
  keyUsage(['digitalSignature']),
  extendedKeyUsage('serverAuth', 'clientAuth'),
  ...(names.length > 0 ? [alternativeNames(names)] : []),
];
describe('the name of an API server', () => {
  const byCommonName = name({ CN: 'localhost' });
  test.each<[string, string, Buffer[], Buffer, string | undefined, 'taken' | 'refused']>([
    ['that its certificate holds', 'localhost', [dns('localhost')], name({}), undefined, 'taken'],
    ['that a wildcard holds', 'localhost', [dns('*.cluster.test')], name({}), 'api.cluster.test', 'taken'],
    ['that a wildcard does not reach', 'localhost', [dns('*.test')], name({}), 'api.cluster.test', 'refused'],
    ['that its certificate lacks', 'localhost', [dns('api.test'), ipv4('127.0.0.1')], name({}), undefined, 'refused'],
    ['that tls-server-name replaces', 'localhost', [dns('api.test')], name({}), 'api.test', 'taken'],
    ['that tls-server-name forbids', 'localhost', [dns('localhost')], name({}), 'api.test', 'refused'],
    ['that is an address of its certificate', '127.0.0.1', [ipv4('127.0.0.1')], name({}), undefined, 'taken'],
    ['that is another address', '127.0.0.1', [ipv4('127.0.0.2'), dns('127.0.0.1')], name({}), undefined, 'refused'],
    ['beside a common name', 'localhost', [dns('api.test')], byCommonName, undefined, 'refused'],
    ['that only the common name is', 'localhost', [], byCommonName, undefined, 'refused'],
  ])('$0 is $5', async (_what, host, names, subject, servername, verdict) => {
    const leaf = mint({ issuer: rootA, subject, extensions: serverNames(...names) });
    const { requestCert: _none, ...options } = tlsOptions([leaf]);
    const port = await https(answer, options);
    const tls = () => ({ ca: pemOf(rootA), ...(servername === undefined ? {} : { servername }) });
    const server = new URL(`https://${host}:${port}`);
    const transport = new Transport({ server, headers: () => ({}), tls, invalidate: () => undefined }, 'test');
    onTestFinished(() => transport.close());
    const asked = transport.send({ method: 'GET', path: '/' }).then(
      () => 'taken',
      ({ message }: Error) => (message.includes("does not match certificate's altnames") ? 'refused' : message),
    );
    expect(await asked).toBe(verdict);
  });
});

test('either end of a connection tells of the other no more than the names of its leaf', async () => {
  const named = mint({ issuer: rootA, extensions: serverNames(uri(agentId), dns('agent.test'), ipv4('127.0.0.1')) });
  const names = 'URI:spiffe://a.test/ns/team1/sa/agent, DNS:agent.test, IP Address:127.0.0.1';
  const seen: unknown[] = [];
  const options: ServerOptions = { ...tlsOptions([named]), rejectUnauthorized: true };
  const server = createTlsServer(options, (_request, response) => response.end());
  server.on('secureConnection', (socket) => seen.push(socket.getPeerCertificate(true)));
  const port = await listen(server);
  const own = { cert: pemOf(agentSvid), key: keyPemOf(agentSvid), ca: pemOf(rootA) };
  const socket = connectTls({ host: '127.0.0.1', port, servername: '', ...own });
  onTestFinished(() => void socket.destroy());
  await Promise.all([once(socket, 'secureConnect'), once(server, 'secureConnection')]);
  expect(socket.authorized).toBe(true);
  expect(socket.getPeerCertificate(true)).toEqual({ subjectaltname: names });
  expect(seen).toEqual([{ subjectaltname: `URI:${agentId}` }]);
});
