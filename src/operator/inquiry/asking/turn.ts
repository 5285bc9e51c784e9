import { readFileSync } from 'node:fs';

/** Of a process's main thread: whether it wants a processor, and for how long it has had one so far. */
export interface Turn {
  readonly wants: boolean;
  readonly hadMs: number;
}

/** By proc(5); undefined where the system does not tell. */
export function turnOf(pid: number | undefined): Turn | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // utime and stime, in hundredths of a second.
    return { wants: state === 'R', hadMs: 10 * (Number(fields[10]) + Number(fields[11])) };
  } catch {
    return undefined;
  }
}

/** Pure: of these milliseconds it had less than half, and stands in line for more. */
export const isStarved = (before: Turn | undefined, now: Turn | undefined, ms: number): boolean =>
  before !== undefined && now?.wants === true && now.hadMs - before.hadMs < ms / 2;
