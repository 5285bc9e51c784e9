import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { which } from '../../cluster/command.ts';
import { need } from '../../cluster/packages.ts';
import { silent } from '../../cluster/progress.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packages-test-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

/** A PATH that has no more than takes locks, and an apt-get that notes what it is told, and whose install brings buildah. */
async function bareMachine(): Promise<void> {
  for (const name of ['sh', 'cat', 'flock', 'touch', 'chmod'])
    await symlink((await which(name)) ?? '', join(folder, name));
  const script = `#!/bin/sh
cd '${folder}'
echo "$1" >> calls
if [ "$1" = install ]; then touch buildah; chmod +x buildah; fi
`;
  await writeFile(join(folder, 'apt-get'), script, { mode: 0o755 });
  vi.stubEnv('PATH', folder);
  vi.stubEnv('AGENTCARD_CACHE', join(folder, 'cache'));
  vi.spyOn(process, 'getuid').mockReturnValue(0);
}

test('what several want at once is installed once, since apt-get refuses to run beside itself', async () => {
  await bareMachine();
  await Promise.all([need(['buildah'], silent), need(['buildah'], silent), need(['buildah'], silent)]);
  expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe('update\ninstall\n');
});
