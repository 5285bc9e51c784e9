/** UTF-8 bytes that any text of a status may have, whoever chose it; the published card has a budget of its own. */
export const longestText = 2_048;

/** Pods that a status names so that a restart may restore their evidence: 12 bytes each, which are 16 base64url characters. */
export const mostCovered = 1_024;
export const longestCovered = mostCovered * 16;

/** Characters of what a table shows as an agent's name. */
export const longestName = 63;

/** What draws nothing, or draws elsewhere: format characters, bidi marks, what is ignorable, private or no character at all. */
const unseen = /[\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
/** Every kind of white space and control, the blank of Braille included. */
const blanks = /[\p{Z}\p{Cc}\u2800]+/gu;
/** More than three marks on a letter reach into the lines above and below. */
const piled = /(\p{M}{3})\p{M}+/gu;
const isPlain = /^(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?$/;

/**
 * A text as it may stand in a table, on a terminal or in an event: one line, in which whoever chose it moves no cursor, draws
 * no column and turns no text around. Letters of every script stay.
 */
export function plainText(text: string): string {
  if (isPlain.test(text)) return text;
  return text.replace(unseen, '').replace(blanks, ' ').replace(piled, '$1').trim();
}

/** Of a card's name; undefined where nothing of it can be shown. */
export function agentName(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const characters = [...plainText(name.slice(0, longestText))];
  const shown = characters.length <= longestName ? characters : [...characters.slice(0, longestName - 1), '…'];
  return shown.length === 0 ? undefined : shown.join('');
}

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

/** Every text of a value, at any depth, plain and cut; members named in `whole` stay as they are. The value itself where all are. */
export function allWithinBudget<T>(value: T, whole: ReadonlySet<string> = new Set()): T {
  if (typeof value === 'string') return withinBudget(plainText(value)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value);
  const kept = members.map(([key, member]) => (whole.has(key) ? member : allWithinBudget(member, whole)));
  if (kept.every((member, at) => member === members[at]?.[1])) return value;
  return (Array.isArray(value) ? kept : Object.fromEntries(members.map(([key], at) => [key, kept[at]]))) as T;
}
