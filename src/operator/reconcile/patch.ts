import { ownMember, sameJson } from '@agentcard-operator/agentcard';

type Json = Readonly<Record<string, unknown>>;

/**
 * The JSON merge patch (RFC 7396) that turns `before` into `after`: vanished members become null, arrays are replaced
 * whole. Undefined when nothing differs.
 */
export function mergePatch(before: Json, after: Json): Json | undefined {
  const patch: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(before)) if (ownMember(after, key) === undefined) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const old = ownMember(before, key);
    if (isPlain(old) && isPlain(value)) {
      const inner = mergePatch(old, value);
      if (inner !== undefined) patch[key] = inner;
    } else if (!sameJson(old, value)) {
      patch[key] = value;
    }
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function isPlain(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
