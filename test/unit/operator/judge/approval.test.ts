import { expect, test } from 'vitest';
import { impostor } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const [approvedId, otherId] = ['a'.repeat(64), 'b'.repeat(64)];
const approving = (approvedCardId: string): Pick<Given, 'card'> => ({ card: { spec: { approvedCardId } } });
const serving = (id: string, over: PodGiven['answers'] = {}): PodGiven => ({ answers: { cardId: id, ...over } });
const two = (first: PodGiven, second: PodGiven): Pick<Given, 'pods'> => {
  return { pods: { 'weather-0': first, 'weather-1': second } };
};

test('a card that is not the approved one is not trusted', () => {
  const told = tell(approving('c'.repeat(64)));
  expect(told.says('Verified')).toBe('False CardNotApproved');
  expect(told.says('Ready')).toBe('False CardNotApproved');
});

test.each([
  ['the first', otherId, approvedId],
  ['the second', approvedId, otherId],
])('%s of two pods that serves other bytes is named, and no pod keeps its label', (_, first, second) => {
  const labelled = { 'weather-0': 'fits', 'weather-1': 'fits' } as const;
  const told = tell({ ...approving(approvedId), ...two(serving(first), serving(second)), labelled });
  const guilty = first === otherId ? 'weather-0' : 'weather-1';
  expect(told.says('Ready')).toBe('False CardNotApproved');
  expect(told.says('Verified')).toBe('False CardNotApproved');
  expect(told.says('Bound')).toBe('True Bound');
  expect(told.condition('Verified')?.message).toContain(`Pod ${guilty}: The card is ${otherId}`);
  expect(told.check('approval')).toMatchObject({ result: 'fail', expected: approvedId, observed: otherId });
  expect(told.marks).toEqual(['off weather-0', 'off weather-1']);
  expect(told.fields?.replicas).toEqual({ ready: 2, attested: 1 });
  // Of one revision the approved card is shown, of two the newest: that is what a person has to review.
  expect(told.fields?.cardId).toBe(approvedId);
});

test('bytes that nobody approved are published, so that somebody can', () => {
  const newer = serving(otherId, { revision: 'r2', revisionNumber: 2 });
  const told = tell({ ...approving(approvedId), ...two({ answers: {} }, newer) });
  expect(told.says('Verified')).toBe('False CardNotApproved');
  expect(told.fields?.cardId).toBe(otherId);
  expect(told.plan.status?.card.kind).toBe('received');
});

test('another identity is graver than other bytes', () => {
  const told = tell({ ...approving(approvedId), ...two(serving(otherId), { answers: { id: impostor } }) });
  expect(told.says('Verified')).toBe('False IdentityMismatch');
  expect(told.condition('Verified')?.message).toContain('Pod weather-1 (and 1 more)');
  expect(told.says('Bound')).toBe('False SpiffeIDMismatch');
});

test('other bytes stay guilt while their pod is silent, and the card stays', () => {
  const shown = tell({ pods: { 'weather-0': serving(otherId) } });
  const pods = { 'weather-0': { ...serving(otherId, { minutesAgo: 2 }), silent: { minutes: 1 } } };
  const told = tell({ after: 1, ...approving(approvedId), pods }, shown);
  expect(told.says('Verified')).toBe('False CardNotApproved');
  expect(told.plan.status?.card.kind).toBe('kept');
});

test('after a restart the card that is stored is what its silent pods served', () => {
  const shown = tell();
  const silent: PodGiven = { silent: { minutes: 1 } };
  const restarted = { after: 1, complete: false, labelled: { 'weather-0': 'fits' } } as const;
  const approved = tell({ ...restarted, ...approving(approvedId), pods: { 'weather-0': silent } }, shown);
  expect(approved.says('Verified')).toBe('True EvidenceHeld');
  const told = tell({ ...restarted, ...approving(otherId), pods: { 'weather-0': silent } }, shown);
  expect(told.says('Verified')).toBe('False CardNotApproved');
  expect(told.check('approval')).toMatchObject({ result: 'fail', observed: approvedId });
  expect(told.marks).toEqual(['off weather-0']);
  // One that answers with the approved bytes is trusted; the silent one does not share in it.
  const mixed = tell({ ...restarted, ...approving(otherId), ...two(silent, serving(otherId)) }, shown);
  expect(mixed.says('Verified')).toBe('True mTLSVerified');
  expect(mixed.marks).toEqual(['off weather-0', 'on weather-1']);
});
