import { expect, test } from 'vitest';
import type { Ask } from '../../../../../src/operator/inquiry/agenda.ts';
import { WaitingLine } from '../../../../../src/operator/inquiry/dial/waiting-line.ts';
import { workload } from '../../reconcile/builders.ts';

function ask(card: string, urgent: boolean): Ask {
  const endpoint = {
    podUid: card,
    podName: card,
    address: '198.19.0.1',
    family: 'IPv4',
    port: 1,
    ready: true,
  } as const;
  const cadence = { transport: 'mtls', syncPeriodMs: 1, refresh: undefined, seed: '' } as const;
  const rest = { workload, transport: 'mtls', paths: [], hostHeader: '', trustDomains: [], seen: undefined } as const;
  return { card, endpoint: { ...endpoint, version: '' }, cadence, urgent, ...rest };
}

function lineOf(...asks: readonly (readonly [card: string, urgent: boolean])[]) {
  const line = new WaitingLine();
  for (const [card, urgent] of asks) line.add(card, ask(card, urgent));
  return line;
}

function drain(line: WaitingLine): string[] {
  const taken: string[] = [];
  for (let next = line.take(); next !== undefined; next = line.take()) taken.push(next[0]);
  return taken;
}

test('the urgent come first, and each kind in the order of its coming', () => {
  const line = lineOf(['a', false], ['b', true], ['c', false], ['d', true]);
  expect(line.size).toBe(4);
  expect(drain(line)).toEqual(['b', 'd', 'a', 'c']);
  expect(line.size).toBe(0);
});

test('a question waits once; news make it urgent, and it stays so', () => {
  const line = lineOf(['a', false], ['b', true], ['c', true], ['a', true], ['b', false]);
  expect(line.size).toBe(3);
  expect(drain(line)).toEqual(['b', 'c', 'a']);
});

test('what is not wanted any more leaves both parts', () => {
  const line = lineOf(['a', false], ['a2', true], ['b', false], ['b2', true]);
  line.remove(({ card }) => card.startsWith('a'));
  expect(drain(line)).toEqual(['b2', 'b']);
});
