/** Loaded before the operator: SIGWINCH moves its clock to so many milliseconds past the machine's, as CLOCK_FILE says. */
import { readFileSync } from 'node:fs';

const machine = globalThis.Date;
let aheadMs = 0;

class Clock extends machine {
  constructor(...args: readonly unknown[]) {
    // A date of its own arguments is what it is; only "now" is moved.
    super(...((args.length === 0 ? [Clock.now()] : args) as [number]));
  }

  static override now(): number {
    return machine.now() + aheadMs;
  }
}

const read = () => {
  aheadMs = Number(readFileSync(process.env.CLOCK_FILE ?? '', 'utf8'));
};

globalThis.Date = Clock as DateConstructor;
process.on('SIGWINCH', read);
read();
