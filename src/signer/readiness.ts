import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type Parsed, parsed, refused } from '../spiffe/id.ts';

/** /readyz answers 200 while `signedUntil` is in the future: the file holds a signature whose certificate is valid. */
export interface Readiness {
  readonly signedUntil: () => Date | undefined;
  readonly now: () => Date;
}

/** Serves /healthz and /readyz at `[host]:port`. Code: `PortNotUsable`. */
export async function serveReadiness(address: string, { signedUntil, now }: Readiness): Promise<Parsed<Server>> {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? [];
  const server = createServer((request, response) => {
    const until = signedUntil();
    const ready = until !== undefined && now() <= until;
    const isReady = request.url === '/healthz' || (request.url === '/readyz' && ready);
    const text = ready ? `signed until ${until.toISOString()}` : 'no valid signature yet';
    response.writeHead(isReady ? 200 : request.url === '/readyz' ? 503 : 404).end(`${text}\n`);
  });
  server.listen({ port: Number(port), ...(host ? { host: host.replace(/^\[|\]$/g, '') } : {}) });
  try {
    await once(server, 'listening');
    return parsed(server);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return refused(
      'PortNotUsable',
      `cannot listen at ${address} (${code}); choose another --health-probe-bind-address`,
    );
  }
}
