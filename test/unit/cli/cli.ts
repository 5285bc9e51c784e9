import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../src/cli/run.ts';
import { now, pathOf } from '../trust/vectors.ts';

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

const directory = mkdtempSync(join(tmpdir(), 'agentcard-'));

export function temporaryFile(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
