import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { page, root, rowsBelow } from './pages.ts';

/** Of the table: room → what it may import, undefined for everything. */
const allowed = new Map(
  rowsBelow(page('ARCHITECTURE.md'), '## Rooms').map(([room = '', , , imports = '']) => {
    const name = room.includes('operator.ts') ? '.' : room.replaceAll(/`|src\//g, '');
    return [name, imports === 'every room' ? undefined : imports.split(', ')] as const;
  }),
);
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.includes('node_modules'),
);

/** Of a path below src: a package, a program, a room of the operator, or '.' beside them. */
function roomOf(path: string): string {
  const [top = '', room = '', file] = path.split('/');
  if (top !== 'operator') return top;
  return file === undefined ? '.' : room;
}

function roomsImported(file: string): string[] {
  const text = readFileSync(join(root, 'src', file), 'utf8');
  return [...text.matchAll(/\bfrom '([^']+)'/g)].flatMap(([, from = '']) => {
    const door = /^@agentcard-operator\/([a-z]+)/.exec(from)?.[1];
    if (door !== undefined) return [door];
    return from.startsWith('.') && !from.endsWith('.json')
      ? [roomOf(relative('/', join('/', dirname(file), from)))]
      : [];
  });
}

test('every room stands in the table, and every row has its room', () => {
  expect([...allowed.keys()].sort()).toEqual([...new Set(sources.map(roomOf))].sort());
});

test.each([...allowed])('%s imports no room that the table does not give it', (room, rooms) => {
  const own = sources.filter((file) => roomOf(file) === room);
  expect(own.length).toBeGreaterThan(0);
  const imported = new Set(own.flatMap(roomsImported).filter((other) => other !== room));
  expect([...imported].filter((other) => rooms !== undefined && !rooms.includes(other)).sort()).toEqual([]);
});
