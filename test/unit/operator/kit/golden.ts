import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Document, isScalar, isSeq, parse, visit } from 'yaml';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';
import { type Brief, lengthen, type Shapes, shorten } from './brief.ts';
import type { Given } from './given.ts';
import { merged } from './merge.ts';
import type { Json, JsonMap, Outcome } from './outcome.ts';

/**
 * A moment on record. `title`, `before` (an earlier moment of the same card, all of whose plan succeeded) and `given` are
 * written by hand; `then` is what one run decides, whole in a base, and elsewhere only what differs from the base named by
 * `like`.
 */
export interface Golden {
  readonly title: string;
  readonly before?: Given;
  readonly given: Given;
  /** In a base: the name of its policy's spec. */
  readonly shape?: string;
  readonly like?: string;
  readonly then: Brief;
}

const folder = join(import.meta.dirname, '../../../golden');

export const pathOf = (file: string) => join(folder, file);
export const readGolden = (file: string) => parse(readFileSync(pathOf(file), 'utf8')) as Golden;
const filesOf = (kind: string) => readdirSync(pathOf(kind)).map((name) => `${kind}/${name}`);

/** Paths below test/golden. */
export const bases: readonly string[] = filesOf('base');
export const plans: readonly string[] = filesOf('plan');

/** Whole plans by name, and the specs of policies that they name. */
export interface Bases {
  readonly briefs: ReadonlyMap<string, Brief>;
  readonly shapes: Shapes;
}

/** What the files of the bases say. */
export function recordedBases(): Bases {
  return basesFrom((file) => lengthen(readGolden(file).then, {}));
}

export function basesFrom(outcomeFor: (file: string) => Outcome): Bases {
  const outcomes = bases.map((file) => [nameOf(file), outcomeFor(file), readGolden(file).shape] as const);
  const shapes = outcomes.flatMap(([, { policies }, shape]) => {
    const [policy] = policies;
    return shape === undefined || typeof policy !== 'object' ? [] : [[shape, policy.spec ?? null] as const];
  });
  const named = Object.fromEntries(shapes);
  return { briefs: new Map(outcomes.map(([name, outcome]) => [name, shorten(outcome, named)])), shapes: named };
}

const nameOf = (file: string) => /(\w[\w-]*)\.yaml$/.exec(file)?.[1] ?? file;

/** The whole outcome that a file records. */
export function recorded({ like, then }: Golden, { briefs, shapes }: Bases): Outcome {
  const base = like === undefined ? {} : (briefs.get(like) ?? { like: 'no such base' });
  return lengthen(merged(base, then) as Brief, shapes);
}

/** What a file has to say of an outcome. */
export function difference(outcome: Outcome, like: string | undefined, { briefs, shapes }: Bases): Brief {
  if (like === undefined) return shorten(outcome, {});
  const base = briefs.get(like) ?? {};
  const brief = shorten(outcome, shapes);
  const patch = { ...(mergePatch(base, brief) as JsonMap | undefined) };
  const joined = merged(base, patch) as JsonMap;
  for (const key of ['conditions', 'checks']) {
    const [is, was] = [joined[key], brief[key]].map((map) => Object.entries((map ?? {}) as JsonMap));
    // Where what is added does not stand last, the whole list is told.
    if (!isDeepStrictEqual(is, was)) patch[key] = (was ?? []).map(([name, text]) => ({ [name]: text }));
  }
  return patch;
}

/** Of the bases the one that leaves least to say. */
export function nearest(outcome: Outcome, known: Bases): string {
  const length = (like: string) => textOf(difference(outcome, like, known)).split('\n').length;
  const [first = ''] = [...known.briefs.keys()].sort((a, b) => length(a) - length(b) || (a < b ? -1 : 1));
  return first;
}

/** YAML with a line for each text, however long, and short lists on one. */
export function textOf(value: { readonly [key: string]: Json }): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Seq: (_, node) => {
      const texts = node.items.map((item) => (isScalar(item) ? String(item.value) : undefined));
      if (isSeq(node) && texts.every((text) => text !== undefined) && texts.join(', ').length < 90) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
