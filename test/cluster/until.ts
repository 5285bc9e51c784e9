import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** What is being waited for, as the end of the sentence "gave up waiting for …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly everyMs?: number;
}

/**
 * Asks again and again until the answer is not undefined. A throw from `ask` ends the wait at once: return undefined for
 * "not yet", throw for "never".
 */
export async function until<T>(patience: Patience, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + patience.timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) {
      throw new Error(`gave up waiting for ${patience.what} after ${Math.round(patience.timeoutMs / 1000)} s`);
    }
    await sleep(patience.everyMs ?? 50);
  }
}
