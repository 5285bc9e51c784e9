import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { approve, quarantine, release } from '../../../../src/cli/cluster/orders.ts';
import { parseInvocation } from '../../../../src/cli/command.ts';
import { commandLine, type Order, orderFrom, wordsOf } from '../../../../src/cli/ui/order.ts';

const order: Order = { action: 'quarantine', namespace: 'team', name: 'weather', reason: 'incident 7', cardId: '' };
const cardId = 'ab'.repeat(32);

test.each(['it\'s $(rm -rf /) `x` "y" \\ !', '-n other', '--help', '🜲 ünïcode', 'a\tb', "'"])(
  'what is shown is what a shell runs, and what runs: %s',
  (reason) => {
    const words = wordsOf({ ...order, reason });
    const line = commandLine(words).replace('kubectl agentcard', "printf '%s\\n'");
    expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe(`${words.join('\n')}\n`);
    const invocation = parseInvocation(quarantine, words.slice(1));
    expect([invocation.operands, invocation.option('reason'), invocation.option('namespace')]).toEqual([
      ['weather'],
      reason,
      'team',
    ]);
  },
);

test('release and approve are the commands of that name', () => {
  expect(parseInvocation(release, wordsOf({ ...order, action: 'release' }).slice(1)).operands).toEqual(['weather']);
  const words = wordsOf({ ...order, action: 'approve', cardId });
  expect(parseInvocation(approve, words.slice(1)).option('card-id')).toBe(cardId);
  expect(commandLine(words)).toBe(`kubectl agentcard approve weather --namespace=team --card-id=${cardId}`);
});

test('an order is read strictly', () => {
  expect(orderFrom(JSON.stringify(order))).toEqual(order);
  const bad: readonly unknown[] = [
    ...[null, 1, 'x', [], {}, { ...order, action: 'cleanup' }, { ...order, action: 'constructor' }],
    ...[
      { ...order, name: '../x' },
      { ...order, namespace: '' },
      { ...order, name: '--help' },
    ],
    ...[
      { ...order, reason: ' ' },
      { ...order, reason: 'x'.repeat(257) },
      { ...order, reason: undefined },
    ],
    { ...order, action: 'approve', cardId: 'not-an-id' },
  ];
  for (const value of bad) expect(orderFrom(JSON.stringify(value))).toBeUndefined();
  expect(orderFrom('{')).toBeUndefined();
});
