import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../../..');
const rows = readFileSync(join(root, 'test/golden/defects.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| [DNWLFP]\d+ \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, id = '', , file = '', title = '']) => ({ id, file, title }));

describe('the table of defects', () => {
  test('has every id', () => {
    const counts = { D: 14, N: 11, W: 6, L: 6, F: 13, P: 5 };
    const all = Object.entries(counts).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
    );
    expect([...new Set(rows.map(({ id }) => id))]).toEqual(all);
  });

  test.each(rows)('$id: $title', ({ file, title }) => {
    const path = file.startsWith('plan/') ? `test/golden/${file}` : file;
    expect(title).not.toBe('');
    expect(readFileSync(join(root, path), 'utf8').replaceAll("\\'", "'")).toContain(title);
  });
});
