/** A part of `make lint`: actionlint over .github/workflows, built once from its Go module into the cache of the cluster's tools. */
import { spawnSync } from 'node:child_process';
import { ensureTools } from '../test/cluster/tools.ts';

const { actionlint } = await ensureTools(['actionlint']);
// Neither shellcheck nor pyflakes is on every machine, and what lint says must not depend on the machine.
const { status, error } = spawnSync(actionlint, ['-shellcheck=', '-pyflakes='], { stdio: 'inherit' });
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
