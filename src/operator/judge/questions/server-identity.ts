import { bindingRemedy } from '../../api/conditions.ts';
import { type Answer, type PodQuestion, skipped } from '../question.ts';

const decides = {
  other: { weight: 'guilt', Bound: 'SpiffeIDMismatch', Verified: 'IdentityMismatch' },
  borrowed: { weight: 'absence', Verified: 'NotVerified' },
  tolerated: { weight: 'note', Bound: 'SpiffeIDMismatch' },
} as const;

export const serverIdentity = {
  name: 'server-identity',
  about: 'pod',
  asks: 'Is who serves the card the one who must?',
  decides,
  ask: ({ shown, silence, refusal, lapsed, evidence }, { target, settings, canBe }) => {
    if (!settings.mtls) return skipped;
    const expected = target.wanted;
    const hint = bindingRemedy('SpiffeIDMismatch', settings);
    if (refusal !== undefined) return { result: 'fail', expected, observed: claim(refusal.claimedId), hint };
    const other = (id: string): Answer => {
      const says = `The pod proved ${id}, expected ${expected}.`;
      const seen = { result: 'fail', expected, observed: id, hint, says } as const;
      if (target.strict) return { ...seen, effect: decides.other };
      return { ...seen, effect: decides.tolerated, proof: { by: 'mtls', identity: id } };
    };
    const isExpected = (id: string) => target.expected.includes(id);
    // Who answers now, though without a card, before who answered last. What was restored is no fresh sight of anybody.
    for (const id of [silence?.peer?.uri, shown?.kind === 'card' ? shown.peer?.uri : undefined]) {
      if (id !== undefined && target.strict && !isExpected(id)) return other(id);
    }
    const unknown = { result: 'unknown', expected, observed: 'no identity' } as const;
    const id = shown?.peer?.uri;
    if (id === undefined || (target.strict && !isExpected(id))) return unknown;
    if (evidence !== undefined && !canBe(id, evidence.facts)) {
      const says = `The pod's service account ${evidence.facts.serviceAccount} is not that of ${id}, which it proved.`;
      const hint = "Let only pods with the workload's service account stand behind the Service.";
      return { ...unknown, observed: says, hint, effect: decides.borrowed, says };
    }
    const proof = { by: 'mtls', identity: id } as const;
    // A proof whose time is over: it was one, which is told from none.
    if (lapsed) return { ...unknown, proof };
    return isExpected(id) ? { result: 'pass', expected, observed: id, proof } : other(id);
  },
} as const satisfies PodQuestion;

function claim(id: string | undefined): string {
  return id === undefined ? 'no identity that can be proven' : `claims ${id}`;
}
