import { hash } from 'node:crypto';
import type { ObjectMeta } from '@agentcard-operator/kube/objects';
import { attestedAnnotation, identityLabel, verifiedLabel } from './labels.ts';

/** By what a pod proved itself. */
export interface Proven {
  /** The containers that it ran then. */
  readonly attested: string;
  /** The SPIFFE ID. */
  readonly identity: string;
}

/** Everything that the operator writes on pods. The chart's label guard, marking, sweep and cleanup go by this list. */
export const marks: Readonly<Record<'labels' | 'annotations', Readonly<Record<string, (proven: Proven) => string>>>> = {
  labels: { [verifiedLabel]: () => 'true', [identityLabel]: ({ identity }) => identityValue(identity) },
  annotations: { [attestedAnnotation]: ({ attested }) => attested },
};

/** A SPIFFE ID as a label's value: its SHA-256, 40 hexadecimal digits of it. */
export function identityValue(id: string): string {
  return hash('sha256', id).slice(0, 40);
}

/** The whole set for a pod; without a proof what takes it off. */
export function marksFor(proven: Proven | undefined) {
  const valued = (list: (typeof marks)['labels']) =>
    Object.fromEntries(
      Object.entries(list).map(([name, value]) => [name, proven === undefined ? null : value(proven)]),
    );
  return { labels: valued(marks.labels), annotations: valued(marks.annotations) };
}

const kinds = ['labels', 'annotations'] as const;

/** A pod with a part of the set is marked again. */
export function wearsAll(pod: ObjectMeta, proven: Proven): boolean {
  const wanted = marksFor(proven);
  return kinds.every((kind) => Object.entries(wanted[kind]).every(([name, value]) => pod[kind]?.[name] === value));
}

export function wearsAny(pod: ObjectMeta): boolean {
  return kinds.some((kind) => Object.keys(marks[kind]).some((name) => pod[kind]?.[name] !== undefined));
}
