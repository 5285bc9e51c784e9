import { createServer } from 'node:net';

/** The ports of NodePort Services, which kube-router opens to every pod whatever policies say. */
const isNodePort = (port: number) => port >= 30_000 && port <= 32_767;

/** Loopback ports that were free a moment ago. Another process may take one first: whoever binds it must be ready to ask again. */
export async function freePorts(count: number): Promise<number[]> {
  const usable = new Set<number>();
  while (usable.size < count) for (const port of await anyPorts(count)) if (!isNodePort(port)) usable.add(port);
  return [...usable].slice(0, count);
}

async function anyPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            if (address === null || typeof address === 'string') return reject(new Error('no port'));
            resolve(address.port);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
