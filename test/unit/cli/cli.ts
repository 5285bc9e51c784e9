import { mkdtempSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../../src/cli/run.ts';
import { now, pathOf } from '../agentcard/signature/vectors.ts';
import { fakeApi, refuse } from '../kube/fake-api.ts';

export interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process at the time of the vectors. */
export async function cli(args: readonly string[], stdin: string | Uint8Array = ''): Promise<Result> {
  let out = '';
  let err = '';
  const status = await run(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    async *stdin() {
      yield Buffer.from(stdin);
    },
    now: () => now,
  });
  return { status, out, err };
}

export const trust = ['--bundle', pathOf('pki/root.pem'), '--trust-domain', 'example.org'];

/** What verify says aloud where nobody is named. */
export const anyone = 'warning: any workload of example.org would pass; name the one by --spiffe-id\n';

const directory = mkdtempSync(join(tmpdir(), 'agentcard-'));

export function temporaryFile(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Command lines against an API server that answers "GET /path": with an object, the code of a refusal, or a text as it is. */
export async function onCluster(answer: (call: string, body: string) => object | number | string) {
  const { requests, server } = await fakeApi([
    (response, request) => {
      const { pathname } = new URL(request.url ?? '', 'http://fake');
      const answered = answer(`${request.method} ${pathname}`, request.body);
      if (typeof answered === 'number') refuse(answered)(response, request);
      else response.end(typeof answered === 'string' ? answered : JSON.stringify(answered));
    },
  ]);
  const { port } = server.address() as AddressInfo;
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  const config = {
    'current-context': 'fake',
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake', namespace: 'team' } }],
    clusters: [{ name: 'fake', cluster }],
    users: [{ name: 'fake', user: {} }],
  };
  const kubeconfig = temporaryFile(`kubeconfig-${port}`, JSON.stringify(config));
  return {
    kubeconfig,
    requests,
    run: (...args: string[]) => cli([...args, '--kubeconfig', kubeconfig]),
    writes: () => requests.flatMap(({ method, url }) => (method === 'GET' ? [] : `${method} ${url}`)),
  };
}

/** One sentence for people, and exit status 2. */
export const oneSentence = { status: 2, out: '', err: expect.stringMatching(/^error: (?!internal)[^\n]+\n$/) };
