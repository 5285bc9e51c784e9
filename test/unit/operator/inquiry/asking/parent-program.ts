/** A parent with an asking process, which a test then kills. */

import { Asker } from '../../../../../src/operator/inquiry/asking/asker.ts';
import { askerProgram } from '../../../../../src/operator/inquiry/asking/asker-program.ts';
import { question } from './questions.ts';

const asker = new Asker({
  program: askerProgram,
  identity: () => ({ epoch: 0, bundleEpoch: 0, state: 'waiting', bundles: new Map() }),
  now: () => Date.now(),
  onCrash: () => {},
  onCulprit: () => {},
});
const { signal } = new AbortController();
void asker.run(signal);
// An answer, whatever it is, says that the child is up.
await asker.ask(question(1), signal);
process.stdout.write(`${asker.pids.main}\n`);
