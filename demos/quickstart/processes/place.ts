import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../../../test/cluster/cache.ts';
import { CommandError, run } from '../../../test/cluster/command.ts';
import { down, launchPlan } from '../../../test/cluster/launch.ts';
import { terminalProgress } from '../../../test/cluster/progress.ts';
import { places, readState } from '../../../test/cluster/state.ts';
import { ensureTools } from '../../../test/cluster/tools.ts';
import { bundle } from '../../../tools/bundle.ts';
import type { Place } from '../place.ts';
import { part, print } from '../screen.ts';
import { mustFit, neededTools } from './machine.ts';
import { programsOf, sources } from './pods.ts';

const progress = terminalProgress();
const at = places(join(cacheRoot(), 'demo'));

/** A control plane whose pods are processes, which stays up until `make demo-down`. */
export async function ownProcesses(): Promise<Place> {
  await part('A Kubernetes API with its controllers on this machine', startProcesses);
  const env = { ...process.env, KUBECONFIG: at.kubeconfig };
  return {
    kubectl: (args, stdin) => run(at.kubectl, args, stdin === undefined ? {} : { stdin }),
    helm: undefined,
    env,
    image: (name) => name,
    trustDomain: 'example.org',
    access: [`export KUBECONFIG=${at.kubeconfig}`, `alias kubectl=${at.kubectl}`],
  };
}

async function startProcesses(): Promise<void> {
  await mustFit(progress);
  const running = await readState(at);
  if (running?.life === 'tied') throw new CommandError('another make demo is just starting it: wait for that one');
  if (running !== undefined) return print('It is already up.');
  const paths = await ensureTools(neededTools, progress);
  const plan = { root: at.root, program: join(import.meta.dirname, 'inside.ts'), tools: paths, images: [], port: 0 };
  await progress.step('starting the control plane, the operator after it', async () => {
    await rm(programsOf(at), { recursive: true, force: true });
    const [launched] = await Promise.all([launchPlan(at, plan, progress), bundlePrograms()]);
    await launched.keep();
  });
}

/** While the control plane starts, which waits for them. */
async function bundlePrograms(): Promise<void> {
  const scratch = `${programsOf(at)}.new`;
  await rm(scratch, { recursive: true, force: true });
  await bundle(sources, scratch);
  await rename(scratch, programsOf(at));
}

export async function stopProcesses(): Promise<void> {
  print((await down(at)) ? 'Everything is stopped; nothing of it runs any more.' : 'It was not running.');
}
