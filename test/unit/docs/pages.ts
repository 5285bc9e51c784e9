import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../../..');

/** Every page for people: path below the root → text. */
export const pages: ReadonlyMap<string, string> = new Map(
  [...readdirSync(root), ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)]
    .filter((path) => path.endsWith('.md'))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
);

export function page(path: string): string {
  const text = pages.get(path);
  if (text === undefined) throw new Error(`there is no page ${path}`);
  return text;
}

/** The cells of each row of the tables below a heading, heads and rulers apart. */
export function rowsBelow(text: string, heading: string): readonly (readonly string[])[] {
  const section = text.split(/^(?=#+ )/m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const isRuler = (line = '') => /^\|[ :|-]+\|$/.test(line);
  const lines = section.split('\n');
  return lines
    .filter((line, index) => line.startsWith('| ') && !isRuler(line) && !isRuler(lines[index + 1]))
    .map((line) => line.slice(2, -2).split(' | '));
}
