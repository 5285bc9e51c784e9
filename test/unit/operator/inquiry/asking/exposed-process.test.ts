import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { askerProgram } from '../../../../../src/operator/inquiry/asking/asker-program.ts';
import {
  type End,
  ExposedProcess,
  type ExposedProgram,
} from '../../../../../src/operator/inquiry/asking/exposed-process.ts';
import { encodeFrame, type Frame } from '../../../../../src/operator/inquiry/asking/frames.ts';
import { isStarved, turnOf } from '../../../../../src/operator/inquiry/asking/turn.ts';

const patience = { timeout: 30_000, interval: 20 };

/** A child, its frames, and how it ended. */
function start(program: ExposedProgram = askerProgram, look = turnOf) {
  const frames: Frame[] = [];
  const ends: End[] = [];
  const watching = {
    maxFrame: 4_096,
    onFrame: (frame: Frame) => frames.push(frame),
    isStuck: () => false,
    onEnd: (end: End) => ends.push(end),
  };
  const child = new ExposedProcess(program, watching, look);
  onTestFinished(async () => {
    child.end('closed');
    await child.ended;
  });
  return { child, frames, ends };
}

const probing = (file: string): ExposedProgram => ({
  file: join(import.meta.dirname, file),
  reads: [...askerProgram.reads, import.meta.dirname],
});

test('it inherits no environment and no descriptor, and works in the root folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exposed-'));
  const file = join(folder, 'inherited');
  openSync(file, 'w');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', 'api.test');
  vi.stubEnv('NODE_OPTIONS', '--max-http-header-size=8000');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { child } = start();
  const linksOf = (pid: number | 'self') =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  expect(readFileSync(`/proc/${child.pid}/environ`, 'utf8')).toBe('MALLOC_ARENA_MAX=1\0MALLOC_TRIM_THRESHOLD_=65536\0');
  // Files and sockets; a pipe may come from whoever started the tests, and leave nobody.
  const own = new Set(linksOf('self').filter((link) => /^(socket:|\/(?!dev\/null$))/.test(link)));
  expect(own).toContain(file);
  expect(linksOf(child.pid ?? 0).filter((link) => own.has(link))).toEqual([]);
  expect(readlinkSync(`/proc/${child.pid}/cwd`)).toBe('/');
});

test('it may not read the token of our service account, nor write, nor start anything', async () => {
  const token = join(mkdtempSync(join(tmpdir(), 'exposed-')), 'token');
  writeFileSync(token, 'secret');
  const { child, frames } = start(probing('probing-program.ts'));
  child.send({ token });
  await vi.waitFor(() => expect(frames).toHaveLength(1), patience);
  expect(frames[0]?.header).toEqual({
    'reads the token': 'ERR_ACCESS_DENIED',
    "reads its parent's environment": 'ERR_ACCESS_DENIED',
    'writes a file': 'ERR_ACCESS_DENIED',
    'starts a process': 'ERR_ACCESS_DENIED',
    'starts a thread': 'ERR_ACCESS_DENIED',
  });
});

test('it ends with its parent, also where that is killed', async () => {
  const parent = spawn(process.execPath, [join(import.meta.dirname, 'parent-program.ts')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [pid] = (await once(parent.stdout, 'data')).map(String).map(Number);
  const isAlive = () => {
    try {
      return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };
  expect(isAlive()).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive()).toBe(false), patience);
});

test.each([
  ['that does not exist', 'no-program.ts', /ERR_MODULE_NOT_FOUND|Cannot find module/],
  ['that ends at once', 'ending-program.ts', /^7: last +words$/],
])('a program %s is told with the reason, once', async (_, file, reason) => {
  const { child, ends } = start(probing(file));
  await child.ended;
  expect(ends).toEqual([{ cause: 'exit', wasUp: false, detail: expect.stringMatching(reason) }]);
});

test.each([
  ['a frame that is too long', Buffer.from([1, 0, 0, 0])],
  ['a pong that nobody asked for', Buffer.concat([encodeFrame({ pong: true }), encodeFrame({ pong: true })])],
])('it ends by %s', async (_, bytes) => {
  const { child, ends } = start(probing('echoing-program.ts'));
  child.send({ bytes: bytes.toString('base64') });
  await child.ended;
  expect(ends).toEqual([{ cause: 'malformed', wasUp: expect.any(Boolean), detail: 'SIGKILL' }]);
});

test('a child that waits for a processor is not taken for one that hangs, for twenty seconds', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { child, frames, ends } = start(askerProgram, () => ({ wants: true, hadMs: 0 }));
  child.send({ ask: { id: 1, request: {} } });
  while (frames.length === 0) await nextTurn();
  process.kill(child.pid ?? 0, 'SIGSTOP');
  const end = vi.spyOn(child, 'end');
  vi.advanceTimersByTime(20_000);
  expect(end).not.toHaveBeenCalled();
  vi.advanceTimersByTime(4_000);
  await child.ended;
  expect(ends).toEqual([{ cause: 'hang', wasUp: true, detail: 'SIGKILL' }]);
});

test.each([
  [true, 'stood in line and had less than half of the time', { wants: true, hadMs: 1_240 }],
  [false, 'had half of the time, as one that loops has', { wants: true, hadMs: 1_250 }],
  [false, 'wants no processor, as one that is stopped', { wants: false, hadMs: 1_000 }],
  [false, 'cannot be looked at', undefined],
])('it is %s that a child waits for a processor when it %s', (expected, _, now) => {
  expect(isStarved({ wants: false, hadMs: 1_000 }, now, 500)).toBe(expected);
  expect(isStarved(undefined, now, 500)).toBe(false);
});

test('what a main thread had of a processor is read as the system tells it', () => {
  expect(turnOf(process.pid)).toEqual({ wants: expect.any(Boolean), hadMs: expect.any(Number) });
  expect(turnOf(process.pid)?.hadMs).toBeGreaterThan(0);
  expect(turnOf(0)).toBeUndefined();
});
