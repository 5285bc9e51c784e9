import { createServer, type Server } from 'node:net';

/** The ports of NodePort Services, which kube-router opens to every pod whatever policies say. */
const isNodePort = (port: number) => port >= 30_000 && port <= 32_767;

export interface Listening {
  readonly listener: Server;
  readonly port: number;
}

/** Listens on a loopback port of the kernel's choice, but for those of NodePort Services. */
export async function listenOnLoopback(): Promise<Listening> {
  const listener = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port to listen on'));
      resolve(address.port);
    });
  });
  if (!isNodePort(port)) return { listener, port };
  // Held meanwhile, so that the next one is another.
  const next = await listenOnLoopback();
  await close(listener);
  return next;
}

/** Loopback ports that were free a moment ago. Another process may take one first: whoever binds it must be ready to ask again. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, listenOnLoopback));
  await Promise.all(held.map(({ listener }) => close(listener)));
  return held.map(({ port }) => port);
}

function close(listener: Server): Promise<unknown> {
  return new Promise((resolve) => listener.close(resolve));
}
