import { emptyObject, isArray, isObject, type JsonObject, type JsonValue } from '../document/json.ts';
import { canonicalize } from './canonical.ts';
import { type CanonicalForm, whereTyped } from './full.ts';
import { applyPresence } from './presence.ts';

// These forms drop fields before signing: whatever is served beside the signed payload is unsigned, so only the payload counts.

export const projectedForms: readonly CanonicalForm[] = [
  {
    name: 'spec-8.4.1-known',
    coverage: 'projected',
    write: whereTyped((card) => canonicalize(applyPresence(card, 'drop'))),
  },
  {
    // @a2a-js/sdk from 1.0.1 and a2a-python after its move to RFC 8785.
    name: 'sdk-clean',
    coverage: 'projected',
    write: whereTyped((card) => {
      const clean = cleanCard(card);
      return clean === undefined ? undefined : canonicalize(clean);
    }),
  },
];

/** The known fields of A2A 1.0 without empty strings, arrays, objects and null, wherever they are. Throws TypeMismatch. */
export function cleanCard(card: JsonObject): JsonObject | undefined {
  const clean = withoutEmpty(applyPresence(card, 'drop'));
  return isObject(clean) ? clean : undefined;
}

function withoutEmpty(value: JsonValue): JsonValue | undefined {
  if (value === '' || value === null) return undefined;
  if (isArray(value)) {
    const items = value.map(withoutEmpty).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return value;
  const result = emptyObject();
  for (const [key, item] of Object.entries(value)) {
    const kept = withoutEmpty(item);
    if (kept !== undefined) result[key] = kept;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}
