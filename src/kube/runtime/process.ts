import type { Logger } from './log.ts';

/** The parts of `process` in use, so that tests can stand in for it. */
export interface ProcessLike {
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  on(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
  exit(code: number): void;
}

/**
 * Runs until SIGTERM or SIGINT (a second one does not wait) and exits: 0 after an orderly stop, 1 after a failure. An
 * error that nobody handled leaves an unknown state behind, so it ends the process at once.
 */
export async function runProcess(
  run: (stop: AbortSignal) => Promise<void>,
  log: Logger,
  process: ProcessLike = globalThis.process,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      log.info('signal received', { signal });
      stop.abort();
    });
  }
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (error) => {
      log.error('unhandled error', { event, error });
      process.exit(1);
    });
  }
  try {
    await run(stop.signal);
    process.exit(0);
  } catch (error) {
    // Ours is a sentence for people, which a stack would hide. Others, such as a TypeError, may be a fault of the program.
    const { name, message, code, cause }: NodeJS.ErrnoException = Object(error);
    log.error('ended by a failure', { error: name === 'Error' && !code && !cause ? { message } : error });
    process.exit(1);
  }
}
