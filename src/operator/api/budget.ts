/** UTF-8 bytes that any text of a status may have, whoever chose it; the published card has a budget of its own. */
export const longestText = 2_048;

/** Pods that a status names so that a restart may restore their evidence: 12 bytes each, which are 16 base64url characters. */
export const mostCovered = 1_024;
export const longestCovered = mostCovered * 16;

/** Cut to the budget, between characters. */
export function withinBudget(text: string, bytes = longestText): string {
  // No UTF-16 code unit takes more than three bytes of UTF-8.
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text;
  const room = bytes - Buffer.byteLength('…');
  let end = room;
  while (Buffer.byteLength(text.slice(0, end)) > room)
    end -= Math.ceil((Buffer.byteLength(text.slice(0, end)) - room) / 3);
  const splits = /[\ud800-\udbff]$/.test(text.slice(0, end));
  return `${text.slice(0, splits ? end - 1 : end)}…`;
}

/** The same for every text of a value, at any depth; members named in `whole` stay as they are. */
export function allWithinBudget<T>(value: T, whole: ReadonlySet<string> = new Set()): T {
  if (typeof value === 'string') return withinBudget(value) as T;
  if (Array.isArray(value)) return value.map((item) => allWithinBudget(item, whole)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value);
  return Object.fromEntries(
    members.map(([key, member]) => [key, whole.has(key) ? member : allWithinBudget(member, whole)]),
  ) as T;
}
