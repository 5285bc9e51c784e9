import { stripVTControlCharacters } from 'node:util';
import type { Entry, Said } from './record.ts';

/** Pure: how a stage ended; `entries` is undefined where it writes no record, or wrote none. */
export interface Outcome {
  readonly name: string;
  readonly seconds: number;
  readonly ok: boolean;
  readonly counted: boolean;
  readonly entries?: readonly Entry[];
}

const slowest = 10;
const [mostLines, mostColumns] = [12, 160];
/** Of the end of a log people see some 1,300 characters: the failures must fit, and several share them. */
const [mostOfOne, mostOfAll, leastOfOne] = [900, 1_150, 250];

/** Pure: the last words of a run. The failures come last, for whoever sees the end of a log only, and then the count. */
export function summary(outcomes: readonly Outcome[]): string {
  const all = outcomes.flatMap(({ entries = [] }) => entries);
  const failures = [...all.filter(({ state }) => state === 'failed'), ...outcomes.flatMap(wordless)];
  const passed = all.filter(({ kind, state }) => kind === 'test' && state === 'passed').length;
  const passedStages = outcomes.filter(({ counted, ok }) => !counted && ok).length;
  const budget = Math.max(leastOfOne, Math.min(mostOfOne, Math.floor(mostOfAll / Math.max(1, failures.length))));
  return [
    'The slowest:',
    ...slowestOf(all),
    outcomes.map(({ name, seconds }) => `${name} ${Math.round(seconds)} s`).join(', '),
    ...failures.map((failure) => `\n${told(failure, budget)}`),
    `${passed + passedStages} passed, ${failures.length} failed`,
  ].join('\n');
}

function slowestOf(entries: readonly Entry[]): string[] {
  return entries
    .toSorted((one, other) => other.seconds - one.seconds)
    .slice(0, slowest)
    .map(({ seconds, title, file }) => `  ${seconds.toFixed(1).padStart(6)} s  ${title} (${file})`);
}

/** A stage that failed without a test that did. */
function wordless({ name, ok, entries = [] }: Outcome): Entry[] {
  if (ok || entries.some(({ state }) => state === 'failed')) return [];
  const message = 'it ended with an error; its output above says which';
  return [{ kind: 'outside', title: name, file: '', seconds: 0, state: 'failed', errors: [{ message }] }];
}

function told({ title, file, errors }: Entry, budget: number): string {
  const lines = errors.flatMap(linesOf).slice(0, mostLines);
  const head = `FAILED ${title}${file === '' ? '' : ` (${file})`}`;
  return cut([head, ...lines.map((line) => `  ${cut(line, mostColumns)}`)].join('\n'), budget);
}

/** The message, and of the difference the lines that differ, each change with the line above it, which says where. */
function linesOf({ message, diff }: Said): string[] {
  const plain = (text: string) =>
    stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.trimEnd());
  const messageLines = plain(message).filter((line) => line !== '');
  if (diff === undefined) return messageLines;
  const isChange = (line: string | undefined) => line !== undefined && /^[-+]/.test(line);
  const changed = plain(diff).filter((line, at, lines) => line !== '' && (isChange(line) || isChange(lines[at + 1])));
  return [...messageLines.slice(0, 3), ...changed];
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 2)} …`;
}
