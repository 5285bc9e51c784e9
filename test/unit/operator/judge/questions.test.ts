import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reasons } from '../../../../src/operator/api/conditions.ts';
import type { Answer, Effect, Question } from '../../../../src/operator/judge/question.ts';
import { questions } from '../../../../src/operator/judge/questions.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { heard } from '../kit/answers.ts';
import { card } from '../kit/builders.ts';
import type { Given, PodGiven } from '../kit/given.ts';
import { plans, readGolden } from '../kit/golden.ts';
import { type Life, life, places, renamed, tellLife } from '../kit/lives.ts';
import { type Told, tell } from '../kit/tell.ts';

const ladder: readonly Question[] = questions;
const types = ['Synced', 'SignatureVerified', 'Bound', 'Verified'] as const;

/** What no question decides: what orders, time and the sum of the answers do. */
const byTheFold = {
  Synced: ['SyncSucceeded', 'Suspended'],
  SignatureVerified: ['SignatureValid'],
  Bound: ['Bound', 'WorkloadUnresolved'],
  Verified: ['mTLSVerified', 'SignatureVerified', 'EvidenceHeld', 'EvidenceExpired', 'Quarantined'],
} as const;

const effectsOf = ({ decides }: Question): readonly Effect[] => Object.values(decides);
const decided = (type: (typeof types)[number]) =>
  new Set(ladder.flatMap((question) => effectsOf(question).flatMap((effect) => effect[type] ?? [])));

/** Holds whatever each question is heard to say in a random life. */
function always(check: (answer: Answer, question: Question) => void): void {
  fc.assert(
    fc.property(life, fc.constantFrom(...ladder), ({ earlier, later }, question) => {
      for (const answer of heard(question, later, tell(earlier))) check(answer, question);
    }),
    { numRuns: 1_500 },
  );
}

describe('the ladder', () => {
  test('has no two questions of one name', () => {
    const names = ladder.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('is what the status checks are, in its order', () => {
    fc.assert(
      fc.property(life, (lived) => {
        const { checks } = tellLife(lived).verdict;
        expect(checks.map(({ name }) => name)).toEqual(ladder.map(({ name }) => name));
      }),
      { numRuns: 100 },
    );
  });

  test('decides, with the fold, every reason of the conditions, and each reason in one of the two places', () => {
    for (const type of types) {
      const fold: readonly string[] = byTheFold[type];
      expect([...decided(type), ...fold].sort()).toEqual(Object.keys(reasons[type]).sort());
    }
  });

  test('says nowhere that it decides what no moment on record shows', () => {
    const shown = new Set<Effect | undefined>();
    for (const { given, before } of plans.map(readGolden)) {
      const earlier = before === undefined ? undefined : tell(before);
      for (const question of ladder) for (const { effect } of heard(question, given, earlier)) shown.add(effect);
    }
    const unseen = ladder.flatMap(({ name, decides }) =>
      Object.entries(decides).flatMap(([key, effect]) => (shown.has(effect) ? [] : [`${name}: ${key}`])),
    );
    expect(unseen).toEqual([]);
  });
});

describe('an answer', () => {
  test('decides only what its question says that it decides', () => {
    always(({ effect }, question) => {
      if (effect !== undefined) expect(effectsOf(question)).toContain(effect);
    });
  });

  test('that passes or is skipped decides nothing, and carries no guilt', () => {
    always(({ result, effect }) => {
      if (result === 'pass' || result === 'skipped') expect(effect).toBeUndefined();
    });
  });

  test('of guilt is a failure that says what was seen and what to do', () => {
    always(({ result, effect, observed, says, hint }) => {
      if (effect?.weight === 'guilt')
        expect([result, observed, says, hint]).toEqual([
          'fail',
          expect.any(String),
          expect.any(String),
          expect.any(String),
        ]);
    });
  });
});

describe('the conditions', () => {
  /** Pods told apart by nothing but what they show. */
  const nameless = (value: unknown) => JSON.stringify(value).replaceAll(/weather-\d/g, 'weather-?');
  /** Everything that is judged. */
  const judged = ({ verdict, fields }: Told) => {
    const { ready, synced, signature, bound, verified, checks, attested, heldSince, covered } = verdict;
    const outcomes = { ready, synced, signature, bound, verified };
    // A pod's uid is in what the status names it by.
    const { covered: named, ...told } = fields ?? {};
    return nameless([outcomes, checks, attested, heldSince, covered.size, named?.length, told]);
  };

  test('follow from the answers alone: neither names nor order of the pods change any', () => {
    fc.assert(
      fc.property(life, places, ({ earlier, later }, order) => {
        const moved = { earlier: renamed(earlier, order), later: renamed(later, order) };
        expect(judged(tellLife(moved))).toBe(judged(tellLife({ earlier, later })));
      }),
      { numRuns: 500 },
    );
  });

  /** The same agent during another rollout. */
  const rolledOut = (one: Given, revisions: readonly string[]): Given => {
    const pods = Object.entries(one.pods ?? {}).map(([name, shows], index): [string, PodGiven] => {
      const { answers } = shows;
      return [
        name,
        answers === undefined ? shows : { ...shows, answers: { ...answers, revision: revisions[index] ?? 'r1' } },
      ];
    });
    return { ...one, pods: Object.fromEntries(pods) };
  };
  const revisions = fc.array(fc.constantFrom('r1', 'r2', 'r3'), { minLength: 3, maxLength: 3 });
  const sameCards = ({ earlier, later }: Life): Life => {
    const same = (one: Given): Given => ({
      ...one,
      pods: Object.fromEntries(
        Object.entries(one.pods ?? {}).map(([name, { answers, ...shows }]): [string, PodGiven] => [
          name,
          answers === undefined
            ? shows
            : { ...shows, answers: { ...answers, cardId: 'a', source: 'mtls', signature: { outcome: 'valid' } } },
        ]),
      ),
    });
    return { earlier: same(earlier), later: same(later) };
  };

  test('never depend on revisions where all pods serve the same card', () => {
    fc.assert(
      fc.property(life.map(sameCards), revisions, ({ earlier, later }, other) => {
        const before = tell(earlier);
        // The checks are those of the pod whose card is published.
        const conditions = ({ fields, verdict }: Told) =>
          JSON.parse(nameless({ ...fields, checks: undefined, card: verdict.card.kind })) as unknown;
        expect(conditions(tell(rolledOut(later, other), before))).toEqual(conditions(tell(later, before)));
      }),
      { numRuns: 3000 },
    );
  });

  test('depend on revisions only by the card that is published and by the cards that are compared', () => {
    /** Who is trusted, and why; of Synced whether the card can be read. */
    const trust = ({ verdict, marks }: Told) => {
      const { synced, bound, verified, attested, heldSince, covered } = verdict;
      const read = synced.reason === 'ReplicasDisagree' ? 'SyncSucceeded' : synced.reason;
      const outcomes = [bound, verified].map((outcome) => outcome && [outcome.ok, outcome.reason]);
      return { read, outcomes, attested, heldSince, covered: [...covered.keys()].sort(), marks: marks.toSorted() };
    };
    fc.assert(
      fc.property(life, revisions, ({ earlier, later }, other) => {
        const before = tell(earlier);
        expect(trust(tell(rolledOut(later, other), before))).toEqual(trust(tell(later, before)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('news', () => {
  const { spec } = card();
  const known = (type: 'Verified' | 'Bound', reason: string, was: 'True' | undefined, synced = 'True') => {
    const one = (name: string, status: string, why: string) =>
      ({ type: name, status, reason: why, message: '', lastTransitionTime: '' }) as never;
    const read = one('Synced', synced, 'SyncSucceeded');
    const before = { conditions: [read, ...(was === undefined ? [] : [one(type, was, 'Before')])] };
    return transitions(before, { conditions: [read, one(type, 'False', reason)] }, spec).map((note) => note.reason);
  };
  /** Synced has told these already. */
  const echoes = ['FetchFailed', 'NoIdentity'];
  const cases = (['Verified', 'Bound'] as const).flatMap((type) =>
    Object.keys(reasons[type]).map((reason) => [type, reason] as const),
  );

  test.each(cases)(
    '%s %s is told at first sight where a question decides it, and else when it is lost',
    (type, reason) => {
      const orders = ['EvidenceExpired', 'Quarantined'];
      const isNews = (decided(type).has(reason as never) && !echoes.includes(reason)) || orders.includes(reason);
      expect(known(type, reason, undefined)).toEqual(isNews ? [reason] : []);
      expect(known(type, reason, 'True')).toEqual([reason]);
    },
  );

  test('NotVerified is told at first sight only of a card that could be read', () => {
    expect(known('Verified', 'NotVerified', undefined, 'False')).toEqual([]);
    expect(known('Verified', 'NotVerified', undefined, 'True')).toEqual(['NotVerified']);
  });
});
