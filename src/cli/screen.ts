/** Colours are for people who look at a terminal and have not declined them: https://no-color.org. */
export function wantsColor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** JSON in which what draws nothing, or turns what stands around it, is written as an escape: the same JSON to a program. */
export function jsonText(value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2), /[^\n\P{C}]|[\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu)}\n`;
}

/** As JSON escapes characters. */
export function escaped(text: string, characters: RegExp): string {
  const unit = (one: string) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return text.replace(characters, (character) => character.split('').map(unit).join(''));
}

const green = 32;
const red = 31;
const yellow = 33;
const bold = 1;

/** Words by which a line says how it went; the first that fits decides. */
const rules: readonly (readonly [RegExp, number])[] = [
  [/^VERIFIED \S+/, green],
  [/^REFUSED \S+/, red],
  [/^ {2}pass\b/, green],
  [/^ {2}fail\b/, red],
  [/^ {2}unknown\b/, yellow],
  [/(?<=[├└]─+ )✓ \S+/, green],
  [/(?<=[├└]─+ )✗ \S+/, red],
  [/(?<=[├└]─+ )\? \S+/, yellow],
  [/(?<=[├└]─+ )\w+ True \w+/, green],
  [/(?<=[├└]─+ )\w+ False \w+/, red],
  [/what to do:/, bold],
];

/** The text for a person: the words that say how it went in colour, where that is wanted. */
export function painted(text: string, color: boolean | undefined): string {
  if (!color) return text;
  const paint = (line: string) => {
    const rule = rules.find(([pattern]) => pattern.test(line));
    return rule === undefined ? line : line.replace(rule[0], (word) => `\u001b[${rule[1]}m${word}\u001b[0m`);
  };
  return text.split('\n').map(paint).join('\n');
}
