import { join } from 'node:path';
import type { ExposedProgram } from './exposed-process.ts';

const here = import.meta.dirname;
const root = join(here, '../../../..');
const sources = ['src', 'node_modules/@agentcard-operator', 'package.json'].map((path) => join(root, path));

/** From a checkout its source; in the image what was bundled beside us. */
export const askerProgram: ExposedProgram = import.meta.filename.endsWith('.ts')
  ? { file: join(here, 'asker-main.ts'), reads: sources }
  : { file: join(here, 'agentcard-asker.mjs'), reads: [here] };
