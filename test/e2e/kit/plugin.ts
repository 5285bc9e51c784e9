import { run } from '../../../src/cli/run.ts';
import type { World } from './world.ts';

export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** kubectl agentcard, in this process, on the world's cluster. */
export async function agentcard(world: World, ...args: string[]): Promise<Said> {
  let out = '';
  let err = '';
  const status = await run([...args, '--kubeconfig', world.cluster.kubeconfig], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    async *stdin() {},
    now: () => new Date(),
  });
  return { status, out, err };
}
