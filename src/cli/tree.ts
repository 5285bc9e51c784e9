/** A line and what stands below it. */
export interface Branch {
  readonly text: string;
  readonly below?: readonly Branch[];
}

/** The lines of a tree, without a line feed at the end of the last. */
export function drawTree({ text, below = [] }: Branch): string {
  const lines = below.flatMap((branch, index) => {
    const isLast = index === below.length - 1;
    const [first = '', ...rest] = drawTree(branch).split('\n');
    return [`${isLast ? '└─' : '├─'} ${first}`, ...rest.map((line) => `${isLast ? '  ' : '│ '} ${line}`)];
  });
  return [text, ...lines].join('\n');
}
