import { request } from 'node:https';

export interface ApiAccess {
  readonly server: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/** One GET for the harness's own polling. No answer (refused, reset, 2 s of silence) is undefined: the server is not up yet. */
export function apiGet(access: ApiAccess, path: string): Promise<ApiAnswer | undefined> {
  return new Promise((resolve) => {
    const call = request(
      new URL(path, access.server),
      { ca: access.caPem, cert: access.certPem, key: access.keyPem, agent: false, timeout: 2000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => resolve(undefined));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

/** True or undefined, as `until` wants it. */
export async function apiReady(access: ApiAccess): Promise<true | undefined> {
  const answer = await apiGet(access, '/readyz');
  return answer?.status === 200 ? true : undefined;
}
