import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serveReadiness } from '../../../src/signer/readiness.ts';

const noon = new Date('2026-11-24T12:00:00Z');
const at = (hours: number) => new Date(noon.getTime() + hours * 3_600_000);

async function probe(address: string, signedUntil: Date | undefined) {
  const server = await serveReadiness(address, { signedUntil: () => signedUntil, now: () => noon });
  if (!server.ok) throw new Error(server.error.message);
  onTestFinished(() => void server.value.close());
  const { port } = server.value.address() as AddressInfo;
  return async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
    return [response.status, await response.text()];
  };
}

test('a sidecar is alive from the start, and ready while the certificate of its signature is valid', async () => {
  for (const address of ['127.0.0.1:0', ':0']) {
    const states = [undefined, at(-1), at(0), at(1)];
    const probes = await Promise.all(states.map((until) => probe(address, until)));
    expect(await Promise.all(probes.map(async (get) => (await get('/healthz'))[0]))).toEqual([200, 200, 200, 200]);
    expect(await Promise.all(probes.map(async (get) => (await get('/readyz'))[0]))).toEqual([503, 503, 200, 200]);
    expect(await probes[3]?.('/readyz')).toEqual([200, 'signed until 2026-11-24T13:00:00.000Z\n']);
    expect((await probes[3]?.('/metrics'))?.[0]).toBe(404);
  }
});
