import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { JsonObject } from '../../../src/agentcard/document/json.ts';
import { cacheKey, cacheRoot, fillOnce } from '../../cluster/cache.ts';
import { run } from '../../cluster/command.ts';
import { need } from '../../cluster/packages.ts';
import { silent } from '../../cluster/progress.ts';

export interface SignTask {
  readonly do: 'sign';
  readonly card: JsonObject;
  /** PEM. */
  readonly key: string;
  readonly header: JsonObject;
}

export interface VerifyTask {
  readonly do: 'verify';
  readonly card: JsonObject;
  readonly key: string;
  readonly algorithm: string;
}

/** Runs tasks in one Python process; each has its answer in the same place. */
export type PythonSdk = (tasks: readonly (SignTask | VerifyTask)[]) => readonly unknown[];

/** The current a2a-sdk, and the last one before its move to RFC 8785, each installed once with pinned hashes. */
export async function pythonSdks(): Promise<{ readonly current: PythonSdk; readonly older: PythonSdk }> {
  await need(['pip'], silent);
  const current = await install('requirements.txt', []);
  const older = await install('requirements-older.txt', ['--no-deps']);
  return { current: sdkIn([current]), older: sdkIn([older, current]) };
}

async function install(file: string, more: readonly string[]): Promise<string> {
  const requirements = join(import.meta.dirname, file);
  // Wheels of extension modules are for one Python.
  const { stdout: python } = spawnSync('python3', ['-VV'], { encoding: 'utf8' });
  const folder = join(cacheRoot(), 'python', cacheKey(await readFile(requirements, 'utf8'), python));
  await fillOnce(folder, async (scratch) => {
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--root-user-action=ignore'];
    const what = ['--require-hashes', '--only-binary', ':all:', '--target', scratch, '-r', requirements, ...more];
    await run('python3', ['-m', 'pip', 'install', ...quiet, ...what]);
  });
  return folder;
}

function sdkIn(folders: readonly string[]): PythonSdk {
  return (tasks) => {
    const env = { PATH: process.env.PATH, PYTHONPATH: folders.join(delimiter), PYTHONDONTWRITEBYTECODE: '1' };
    const program = join(import.meta.dirname, './python_sdk.py');
    const { status, stdout, stderr } = spawnSync('python3', ['-s', program], {
      input: JSON.stringify(tasks),
      encoding: 'utf8',
      env,
    });
    if (status !== 0) throw new Error(`a2a-sdk for Python failed: ${stderr}`);
    return JSON.parse(stdout);
  };
}
