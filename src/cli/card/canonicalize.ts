import { createHash } from 'node:crypto';
import { canonicalForms, cardId } from '@agentcard-operator/agentcard';
import { type Command, choice, exit, outputIn } from '../command.ts';
import { jsonText } from '../screen.ts';
import { readCard } from './input.ts';

const names = canonicalForms.map(({ name }) => name);

export const canonicalize: Command = {
  name: 'canonicalize',
  summary: 'Print the bytes of a card that a signature is over',
  operands: ['<card.json|url|->'],
  options: {
    form: { value: '<name>', words: names, doc: `canonical form: ${names.join(', ')} (default ${names[0]})` },
    output: {
      ...outputIn(['text', 'json']),
      doc: 'text: the bytes and nothing else; json: with hashes (default text)',
    },
  },
  notes: [
    'Exit status: 0 printed, 1 the input is no card or the form does not apply to it, 2 wrong usage or unreadable input.',
  ],
  examples: ['canonicalize card.json | sha256sum', 'canonicalize card.json --form sdk-clean -o json'],
  run: async (invocation, io) => {
    const output = choice(invocation, 'output', ['text', 'json']);
    const form = choice(invocation, 'form', names as [string, ...string[]]);
    const card = await readCard(invocation.operands[0] ?? '', io);
    if (!card.ok) {
      io.err(`no AgentCard: ${card.error.code}: ${card.error.message}\n`);
      return exit.refused;
    }
    const payload = canonicalForms.find(({ name }) => name === form)?.write(card.value.raw);
    if (payload === undefined) {
      io.err(`the form ${form} does not apply: a field has not the type that A2A 1.0 gives it\n`);
      return exit.refused;
    }
    const payloadSha256 = createHash('sha256').update(payload).digest('hex');
    const report = { form, payloadSha256, cardId: cardId(card.value.raw), payload };
    io.out(output === 'json' ? jsonText(report) : payload);
    return exit.ok;
  },
};
