import { type CardChange, diffCards, type JsonValue } from '@agentcard-operator/agentcard';
import { type Command, choice, exit, outputIn, Trouble } from '../command.ts';
import { escaped, jsonText } from '../screen.ts';
import { requireCard } from './input.ts';

export const diff: Command = {
  name: 'diff',
  summary: 'Say what changed from one card to another, and what of it matters to callers',
  operands: ['<old card.json|url|->', '<new card.json|url|->'],
  options: { output: outputIn(['text', 'json']) },
  notes: [
    'Signatures are not compared. Exit status: 0 the same card, 1 another card, 2 wrong usage or unreadable input.',
  ],
  examples: ['diff approved.json http://localhost:8080', 'diff before.json after.json -o json'],
  run: async (invocation, io) => {
    const output = choice(invocation, 'output', ['text', 'json']);
    const [before = '', after = ''] = invocation.operands;
    if (before === '-' && after === '-') throw new Trouble('only one of the two cards can come from standard input');
    const changes = diffCards((await requireCard(before, io)).raw, (await requireCard(after, io)).raw);
    io.out(output === 'json' ? jsonText(changes) : describe(changes));
    return changes.length === 0 ? exit.ok : exit.refused;
  },
};

function describe(changes: readonly CardChange[]): string {
  if (changes.length === 0) return 'the same card\n';
  const order = ['structural', 'descriptive'] as const;
  return order
    .map((weight) => ({ weight, lines: changes.filter((change) => change.weight === weight).map(line) }))
    .filter(({ lines }) => lines.length > 0)
    .map(({ weight, lines }) => `${weight}:\n${lines.join('')}`)
    .join('');
}

function line({ path, kind, before, after }: CardChange): string {
  if (kind === 'reordered') return `  ${path}: reordered\n`;
  const sides = [before, after].filter((side) => side !== undefined).map(short);
  return `  ${path}: ${kind} ${sides.join(' -> ')}\n`;
}

// JSON with every character of other scripts and of control escaped: cards are other people's text on this terminal.
function short(value: JsonValue): string {
  const text = escaped(JSON.stringify(value), /[^\x20-\x7e]/g);
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}
