import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { runProcess } from '../../../../src/kube/runtime/process.ts';

function rig(run: (stop: AbortSignal) => Promise<void>) {
  const codes: number[] = [];
  const lines: string[] = [];
  const process = Object.assign(new EventEmitter(), { exit: (code: number) => codes.push(code) });
  const log = createLogger({ write: (line) => lines.push(JSON.parse(line).message) });
  return { codes, lines, process, done: runProcess(run, log, process) };
}

const untilStopped = (stop: AbortSignal) =>
  new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));

test.each(['SIGTERM', 'SIGINT'])('%s is an orderly stop and exit code 0', async (signal) => {
  const { codes, process, done } = rig(untilStopped);
  process.emit(signal);
  await done;
  expect(codes).toEqual([0]);
});

test('a second signal does not wait', () => {
  const { codes, process } = rig(() => new Promise(() => {}));
  process.emit('SIGTERM');
  process.emit('SIGTERM');
  expect(codes).toEqual([1]);
});

test('a failed run is logged and exit code 1', async () => {
  const { codes, lines, done } = rig(() => Promise.reject(new Error('lost')));
  await done;
  expect(codes).toEqual([1]);
  expect(lines).toEqual(['ended by a failure']);
});

test.each([
  [new Error('there is no kubeconfig: name one'), { message: 'there is no kubeconfig: name one' }],
  [new TypeError('lost'), { message: 'lost', stack: expect.any(String), type: 'TypeError' }],
  [Object.assign(new Error('ENOENT'), { code: 'ENOENT' }), expect.objectContaining({ stack: expect.any(String) })],
])('a run that failed by %o is logged with a stack only where the words are not for people', async (error, wanted) => {
  const lines: { error: unknown }[] = [];
  const log = createLogger({ write: (line) => lines.push(JSON.parse(line)) });
  await runProcess(() => Promise.reject(error), log, Object.assign(new EventEmitter(), { exit: () => {} }));
  expect(lines.map((line) => line.error)).toEqual([wanted]);
});

test.each(['unhandledRejection', 'uncaughtException'])('an %s is logged and ends the process', (event) => {
  const { codes, lines, process } = rig(() => new Promise(() => {}));
  process.emit(event, new Error('nobody cared'));
  expect(codes).toEqual([1]);
  expect(lines).toEqual(['unhandled error']);
});
