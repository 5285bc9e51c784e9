import { plainText } from '../operator/api/budget.ts';

/** A line and what stands below it. */
export interface Branch {
  readonly text: string;
  readonly below?: readonly Branch[];
}

/** Below this a column of words is harder to read than a long line. */
const narrowest = 30;

/** The lines of a tree, without a line feed at the end of the last; folded between words to fit the width. */
export function drawTree({ text, below = [] }: Branch, width = Infinity): string {
  const lines = below.flatMap((branch, index) => {
    const isLast = index === below.length - 1;
    const [first = '', ...rest] = drawTree(branch, width - 3).split('\n');
    return [`${isLast ? '└─' : '├─'} ${first}`, ...rest.map((line) => `${isLast ? '  ' : '│ '} ${line}`)];
  });
  return [...folded(plainText(text), Math.max(width, narrowest)), ...lines].join('\n');
}

/** A word that is longer than a line stays whole, since it may be what somebody copies. */
function folded(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
