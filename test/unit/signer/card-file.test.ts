import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCardFile, replaceFile } from '../../../src/signer/card-file.ts';
import { ok, refused } from '../../../src/spiffe/result.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'card-file-'));
const text = async (bytes: Uint8Array) => ok(Buffer.from(bytes).toString());

test('a file is replaced whole, readable by all, and its folder is made', async () => {
  const path = join(folder(), 'new', 'card.json');
  for (const content of ['a longer text first: é\n', 'short']) {
    expect(await replaceFile(path, content, text)).toEqual(ok(content));
    expect(readFileSync(path, 'utf8')).toBe(content);
  }
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readdirSync(join(path, '..'))).toEqual(['card.json']);
});

test('a reader never sees a part of a file', async () => {
  const path = join(folder(), 'card.json');
  const [a, b] = ['a', 'b'].map((letter) => letter.repeat(500_000)) as [string, string];
  writeFileSync(path, a);
  let over = false;
  const writing = (async () => {
    for (let round = 0; round < 20; round += 1) await replaceFile(path, round % 2 === 0 ? b : a, text);
    over = true;
  })();
  const seen = new Set<string>();
  while (!over) {
    const now = readFileSync(path, 'utf8');
    seen.add(now === a ? 'a' : now === b ? 'b' : `a part of ${now.length}`);
    await new Promise(setImmediate);
  }
  await writing;
  expect([...seen].sort()).toEqual(['a', 'b']);
});

test('what is not confirmed never takes the place of the file', async () => {
  const path = join(folder(), 'card.json');
  writeFileSync(path, 'old');
  expect(await replaceFile(path, 'new', async () => refused('No', 'not good'))).toEqual(refused('No', 'not good'));
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(join(path, '..'))).toEqual(['card.json']);
});

test('a link that waits where the new file is written is not followed', async () => {
  const place = folder();
  const path = join(place, 'card.json');
  const victim = join(place, 'victim');
  writeFileSync(victim, 'mine');
  symlinkSync(victim, join(place, '.card.json.tmp'));
  expect(await replaceFile(path, 'new', text)).toEqual(ok('new'));
  expect(readFileSync(victim, 'utf8')).toBe('mine');
});

test.each([
  [
    'a folder of that name',
    (place: string) => mkdirSync(join(place, 'card.json')),
    'card.json',
    'a folder of this name',
  ],
  ['a folder that cannot be', () => undefined, '/proc/nowhere/card.json', 'mount a volume that is shared'],
])('%s is refused with what to do', async (_what, prepare, target, advice) => {
  const place = folder();
  prepare(place);
  const path = target.startsWith('/') ? target : join(place, target);
  const result = await replaceFile(path, 'new', text);
  expect(result).toMatchObject({ error: { code: 'TargetNotWritable', message: expect.stringContaining(advice) } });
  expect(existsSync(join(path, '..', '.card.json.tmp'))).toBe(false);
});

test.each([
  ['missing.json', 'no such file; mount the card there, or set UNSIGNED_CARD_PATH'],
  ['folder', 'it is a folder'],
  ['huge', 'larger than 1048576 bytes'],
])('an unsigned card that cannot be read is refused with what to do: %s', async (name, advice) => {
  const place = folder();
  mkdirSync(join(place, 'folder'));
  writeFileSync(join(place, 'huge'), Buffer.alloc((1 << 20) + 1));
  expect(await readCardFile(join(place, name))).toMatchObject({
    error: { code: 'CardUnreadable', message: expect.stringContaining(advice) },
  });
});
