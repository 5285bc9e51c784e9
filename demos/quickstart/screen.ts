import { seconds } from '../../test/cluster/progress.ts';

const { stdout, env } = process;
const colourful = stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
const paint = (code: number) => (text: string) => (colourful ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);

export function print(text = ''): void {
  stdout.write(`${text}\n`);
}

const times: [string, number][] = [];

/** A part of the demonstration: its heading, then whatever it prints, and its time for the summary. */
export async function part<T>(heading: string, work: () => Promise<T>): Promise<T> {
  print(`\n${bold(heading)}`);
  const start = Date.now();
  const result = await work();
  times.push([heading, Date.now() - start]);
  return result;
}

export function printTimes(): void {
  print(`\n${bold('How long each part took')}`);
  for (const [heading, ms] of times) print(`  ${seconds(ms).padStart(10)}  ${heading}`);
}

/** Shows a text that changes: in place on a terminal, else appended whenever it differs, each with the time that has passed. */
export class Display {
  readonly #start = Date.now();
  #shown = '';
  #lines = 0;
  #cut = '';

  show(text: string): void {
    const stamp = seconds(Date.now() - this.#start);
    if (stdout.isTTY !== true) {
      if (withoutAges(text) !== this.#shown) print(`${text}\n(${stamp})\n`);
      this.#shown = withoutAges(text);
      return;
    }
    const width = stdout.columns || 80;
    const lines = [...text.split('\n').map((line) => line.slice(0, width - 1)), dim(`(${stamp})`)];
    if (this.#lines > 0) stdout.write(`\u001b[${this.#lines}A\u001b[0J`);
    print(lines.join('\n'));
    this.#lines = lines.length;
    this.#cut = text.split('\n').some((line) => line.length >= width) ? text : '';
  }

  /** Once nothing changes any more: the whole text, where a narrow terminal had only a part. */
  finish(): void {
    if (this.#cut !== '') print(`\n${this.#cut}`);
  }
}

const withoutAges = (table: string) => table.replace(/\s+\d+[smhd](\d+[smh])?(?=\s|$)/g, '');
