import { excerpt, ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { type CanonicalForm, fullForms } from './full.ts';
import { legacyForms } from './legacy.ts';
import { projectedForms } from './projected.ts';

export type { CanonicalForm } from './full.ts';

/** Every canonical form, in the order in which they are tried: those that prove most come first. */
export const canonicalForms: readonly CanonicalForm[] = [...fullForms, ...projectedForms, ...legacyForms];

export const defaultForms: readonly CanonicalForm[] = fullForms;

/** Reads a list such as `raw-jcs,sdk-clean`. Order and repetition do not matter. Error: `UnknownForm`. */
export function parseForms(list: string): Result<readonly CanonicalForm[]> {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !canonicalForms.some((form) => form.name === name));
  if (unknown === undefined) return ok(canonicalForms.filter(({ name }) => names.includes(name)));
  const known = canonicalForms.map(({ name }) => name).join(', ');
  return refused('UnknownForm', `no canonical form is called ${excerpt(unknown)}; use ${known}`);
}
