import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { reasons } from '../../../../src/operator/api/conditions.ts';
import { isoTime } from '../../../../src/operator/api/time.ts';
import type { PolicyOperation } from '../../../../src/operator/reconcile/plan-policy.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { type Given, type Told, tell } from './scenario.ts';

/**
 * What one reconcile decides, as text to review: `given` is written by hand, `then` by UPDATE_GOLDEN=1. `before` is an
 * earlier moment of the same card, whose status, labels and policies have been settled.
 */
interface Golden {
  readonly title: string;
  readonly before?: Given;
  readonly given: Given;
  readonly then?: unknown;
}

const folder = join(import.meta.dirname, '../../../golden/plan');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const update = process.env.UPDATE_GOLDEN === '1';
const outcomes = new Map<string, Told>();

describe('the plan of', () => {
  test.each(files)('%s', (name) => {
    const path = join(folder, name);
    const text = readFileSync(path, 'utf8');
    const golden = parse(text) as Golden;
    const told = tell(golden.given, golden.before === undefined ? undefined : tell(golden.before));
    outcomes.set(name, told);
    const then = JSON.parse(JSON.stringify(outcomeOf(told)));
    if (!update) return expect(then).toEqual(golden.then);
    const head = text.split(/^then:/m)[0] ?? '';
    writeFileSync(path, head + stringify({ then }, { lineWidth: 120, aliasDuplicateObjects: false }));
  });
});

test('at least sixty moments are held', () => expect(files.length).toBeGreaterThanOrEqual(60));

test('every reason of every condition stands in one of them', () => {
  const said = new Set(
    [...outcomes.values()].flatMap(
      ({ plan }) => plan.status?.fields.conditions?.map(({ type, reason }) => `${type} ${reason}`) ?? [],
    ),
  );
  const all = Object.entries(reasons).flatMap(([type, table]) =>
    Object.keys(table).map((reason) => `${type} ${reason}`),
  );
  expect(all.filter((one) => !said.has(one))).toEqual([]);
});

function outcomeOf({ snapshot, plan, at }: Told) {
  const { status, marks, policy, agenda, next } = plan;
  const before = snapshot.card.status ?? {};
  return {
    status: status === undefined ? 'unchanged' : { ...status.fields, card: status.card.kind },
    marks: marks.map(({ podName, attested }) => `${attested === undefined ? 'off' : 'on'} ${podName}`),
    policies: policy.operations.map(policyText),
    agenda: agenda.map(
      ({ endpoint, transport }) => `${endpoint.podName} ${transport} ${endpoint.address}:${endpoint.port}`,
    ),
    events:
      status === undefined
        ? []
        : transitions(before, status.fields, snapshot.card.spec).map(
            ({ type, reason, note }) => `${type} ${reason}: ${note}`,
          ),
    next: next === undefined ? 'when something happens' : isoTime(next),
    now: isoTime(at),
  };
}

function policyText(operation: PolicyOperation) {
  const { kind, policy } = operation;
  const { name, ownerReferences = [] } = policy.metadata;
  if (kind === 'delete') return `delete ${name}`;
  if (kind === 'hand-over') return `hand ${name} over to ${ownerReferences[0]?.name}`;
  return { [kind]: name, spec: policy.spec };
}
