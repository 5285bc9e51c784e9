import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger, type LogOptions } from '../../../../src/kube/runtime/log.ts';

function lines(options: LogOptions, use: (log: ReturnType<typeof createLogger>) => void): string[] {
  const written: string[] = [];
  use(createLogger({ ...options, write: (line) => written.push(line) }));
  return written;
}

test('a JSON line has time, level, message and the fields of its logger', () => {
  const [line = ''] = lines({}, (log) => log.with({ controller: 'cards' }).info('reconciled', { key: 'a/b' }));
  const { time, ...rest } = JSON.parse(line);
  expect(new Date(time).toISOString()).toBe(time);
  expect(rest).toEqual({ level: 'info', message: 'reconciled', controller: 'cards', key: 'a/b' });
});

test('an error field carries its type, message and stack', () => {
  const [line = ''] = lines({}, (log) => log.error('failed', { error: new TypeError('broken') }));
  expect(JSON.parse(line).error).toMatchObject({ type: 'TypeError', message: 'broken', stack: expect.any(String) });
});

test('lines below the level are not written', () => {
  const all = (log: ReturnType<typeof createLogger>) => {
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
  };
  expect(lines({ level: 'warn' }, all)).toHaveLength(2);
  expect(lines({ level: 'debug' }, all)).toHaveLength(4);
});

test('a text line reads from left to right, and quotes what could forge another', () => {
  const [line = ''] = lines({ format: 'text' }, (log) => log.warn('watch failed', { key: 'a/b', note: 'x\n y' }));
  expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3}Z warn {2}watch failed key=a\/b note="x\\n y"\n$/);
});

test.each(['json', 'text'])('a log whose disk is full does not end the process (%s)', (format) => {
  const program = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, '../../../../src/kube/runtime/log.ts'))};
    const log = createLogger({ format: '${format}' });
    log.info('lost');
    setImmediate(() => { log.info('lost as well'); console.log('alive'); });`;
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  const args = ['--input-type=module', '--eval', program];
  expect(execFileSync(process.execPath, args, { stdio: ['ignore', 'pipe', full], encoding: 'utf8' })).toBe('alive\n');
});
