import { expect, test } from 'vitest';
import { watchCallers } from '../../../../../src/operator/watch/triggers/callers.ts';
import { cardOf, changed, deployment, stores } from '../stores.ts';

const listing = (name: string) => {
  const card = cardOf(name);
  return { ...card, spec: { ...card.spec, callers: [{ agentCard: { name: 'weather' } }] } };
};

test('however often a caller changes, those who list it look again once a second', () => {
  const { cards, deployments, caches } = stores();
  for (const one of [cardOf('weather'), listing('lister')]) cards.put(one);
  deployments.put(deployment('weather'));
  const due = new Map<string, number[]>();
  let now = 0;
  watchCallers(caches, (key, { afterMs = 0 }) => due.set(key, [...(due.get(key) ?? []), now + afterMs]));
  for (let turn = 0; turn < 1_000; turn += 1, now += 1) {
    cards.put(cardOf('weather', { generation: turn + 2 }));
    deployments.put(changed(deployment('weather', { serviceAccount: `a${turn}` })));
  }
  expect([...due.keys()]).toEqual(['team/lister']);
  // A queue keeps the earliest of a key: a thousand changes within a second are one look.
  expect(Math.min(...(due.get('team/lister') ?? []))).toBe(1_000);
});

test('a card that lists itself, and lists in circles, wake each other no more than others', () => {
  const { cards, caches } = stores();
  const own = cardOf('weather');
  cards.put({ ...own, spec: { ...own.spec, callers: [{ agentCard: { name: 'weather' } }] } });
  const woken: string[] = [];
  watchCallers(caches, (key) => woken.push(key));
  const next = cardOf('weather', { generation: 2 });
  cards.put({ ...next, spec: { ...next.spec, callers: [{ agentCard: { name: 'weather' } }] } });
  expect(woken).toEqual(['team/weather']);
});
