/** RFC 7396, what the API server does with a merge patch: null takes a member away, a list replaces a list. */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  // A map, since a member may be called like what every object inherits.
  const result = new Map<string, unknown>(isMap(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, merged(result.get(key), value));
  }
  return Object.fromEntries(result);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
