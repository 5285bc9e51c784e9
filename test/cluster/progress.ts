/** Where a long piece of work tells a person how far it is. */
export interface Progress {
  say(line: string): void;
  /** Runs `work`, showing its name and the time it has taken so far, and one closing line with the time it took. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function seconds(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** A terminal shows a running clock; a log gets a line a minute, so that nobody takes a long build for a hang. */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const clear = stream.isTTY ? '\r\u001b[2K' : '';
  const say = (line: string) => void stream.write(`${clear}${line}\n`);
  return {
    say,
    step: async (name, work) => {
      const start = Date.now();
      const elapsed = () => seconds(Date.now() - start);
      if (stream.isTTY) stream.write(`${clear}… ${name}`);
      else say(`… ${name}`);
      const ticker = stream.isTTY
        ? setInterval(() => void stream.write(`${clear}… ${name} (${elapsed()})`), 1000)
        : setInterval(() => say(`… ${name} (${elapsed()})`), 60_000);
      try {
        const result = await work();
        say(`✓ ${name} (${elapsed()})`);
        return result;
      } catch (error) {
        say(`✗ ${name} (${elapsed()})`);
        throw error;
      } finally {
        clearInterval(ticker);
      }
    },
  };
}

/** Of one among several that are under way at once: each line says whose it is. */
export function progressOf(whose: string, progress: Progress): Progress {
  return {
    say: (line) => progress.say(`${whose}: ${line}`),
    step: (name, work) => progress.step(`${whose}: ${name}`, work),
  };
}

/** For callers whose own output must not be disturbed, such as a test runner's workers. */
export const silent: Progress = { say: () => {}, step: (_name, work) => work() };
