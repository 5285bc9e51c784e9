import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { beforeEach, expect, test, vi } from 'vitest';
import { askerProgram } from '../../../../../src/operator/inquiry/asking/asker-program.ts';
import { Lane } from '../../../../../src/operator/inquiry/asking/lane.ts';
import { identity } from '../../../spiffe/tls/peers.ts';
import { question } from './questions.ts';

vi.mock('node:child_process', () => ({ spawn: vi.fn() }));

let now = 0;
let crashes: string[] = [];
let lane: Lane;
beforeEach(() => {
  now = 1e12;
  crashes = [];
  lane = new Lane({
    program: askerProgram,
    identity: () => identity,
    now: () => now,
    onCrash: ({ detail, wasUp }) => crashes.push(`${detail} ${wasUp}`),
  });
});

const ask = () => lane.ask(question(1), new AbortController().signal);

/** What Node makes of a process for which there is no descriptor left: no pipes, and an error later. */
function withoutDescriptors(): never {
  const child = Object.assign(new EventEmitter(), { kill: () => false });
  setImmediate(() => child.emit('error', new Error('spawn EMFILE')));
  return child as never;
}

function withoutMemory(): never {
  throw new Error('spawn ENOMEM');
}

test.each([
  ['descriptors', 'spawn EMFILE', withoutDescriptors],
  ['memory', 'Error: spawn ENOMEM', withoutMemory],
])(
  'where it cannot be started for lack of %s, questions are told so, and it is tried again after a growing pause',
  async (_, why, fails) => {
    vi.mocked(spawn).mockReset().mockImplementation(fails);
    const triedAfter = async (ms: number) => {
      const before = vi.mocked(spawn).mock.calls.length;
      now += ms;
      expect(await ask()).toEqual({ kind: 'unready' });
      return vi.mocked(spawn).mock.calls.length - before;
    };
    expect(await triedAfter(0)).toBe(1);
    expect(await triedAfter(399)).toBe(0);
    expect(await triedAfter(1)).toBe(1);
    expect(await triedAfter(799)).toBe(0);
    expect(await triedAfter(1)).toBe(1);
    expect(crashes).toEqual(Array(3).fill(`${why} false`));
  },
);
