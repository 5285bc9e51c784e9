import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** At once, and only by other content: somebody may be reading it, or starting the program that it is. */
export async function replaceFile(path: string, contents: Uint8Array): Promise<void> {
  const there = await readFile(path).catch(() => undefined);
  if (there?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  // Numbers of processes mean nothing across PID namespaces that share a folder.
  const scratch = `${path}.${randomUUID()}`;
  await writeFile(scratch, contents);
  await rename(scratch, path);
}
