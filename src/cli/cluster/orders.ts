import type { AgentCard } from '../../operator/api/agentcard.ts';
import { customResources } from '../../operator/api/resources.ts';
import { type Command, choice, exit, type Invocation, outputIn, Trouble } from '../command.ts';
import { nameOf, serialized } from '../table.ts';
import { cardAt, clusterOptions } from './cluster.ts';
import { atCluster, type Place } from './connection.ts';

const formats: ['text', 'name', 'json', 'yaml'] = ['text', 'name', 'json', 'yaml'];
const orderOptions = { ...clusterOptions, output: outputIn(formats) };
const exits = 'Exit status: 0 done, 2 wrong usage, no such card, or no answer of the cluster.';

/** What people order about one card: cut it off, let it run again, approve its content. */
export const quarantine: Command = {
  name: 'quarantine',
  summary: 'Cut an agent off the network now, in every mode and whatever it proves',
  operands: ['<name>'],
  options: { ...orderOptions, reason: { value: '<text>', doc: 'why, for everybody to read', required: true } },
  notes: [
    'New connections end within moments; what a connection does that is open already, the network plugin decides.',
    'To cut off by SPIFFE ID or cardId, and beyond what editors of cards can lift: ConfigMap agentcard-quarantine.',
    exits,
  ],
  examples: ['quarantine weather -n team --reason "incident 7"'],
  run: atCluster(async (place, invocation, io) => {
    const reason = invocation.option('reason') ?? '';
    const show = shownAs(invocation);
    const card = await cardAt(place, invocation.operands[0]);
    const { name, namespace } = card.metadata;
    const told = `is quarantined; see kubectl agentcard explain ${name} -n ${namespace}`;
    io.out(show(await patchSpec(place, card, { quarantine: { reason } }), told));
    return exit.ok;
  }),
};

export const release: Command = {
  name: 'release',
  summary: 'Lift the quarantine that a card itself orders',
  operands: ['<name>'],
  options: orderOptions,
  notes: ['Needs the verb quarantine on agentcards. The agent is trusted again when it proves itself.', exits],
  examples: ['release weather -n team'],
  run: atCluster(async (place, invocation, io) => {
    const show = shownAs(invocation);
    const card = await cardAt(place, invocation.operands[0]);
    if (card.spec.quarantine === undefined) {
      const ready = card.status?.conditions?.find(({ type }) => type === 'Ready');
      const elsewhere = ready?.reason === 'Quarantined' ? ` ${ready.message}` : '';
      throw new Trouble(`AgentCard ${card.metadata.name} orders no quarantine itself.${elsewhere}`);
    }
    io.out(show(await patchSpec(place, card, { quarantine: null }), 'is released'));
    return exit.ok;
  }),
};

export const approve: Command = {
  name: 'approve',
  summary: 'Trust a card only as long as its content stays what it is now',
  operands: ['<name>'],
  options: {
    ...orderOptions,
    'card-id': { value: '<id>', doc: 'the content that you reviewed (default: what is published now)' },
  },
  notes: [
    'Needs the verb trust on agentcards. A card that changes afterwards is CardNotApproved until it is approved again.',
    exits,
  ],
  examples: ['approve weather -n team', 'approve weather -n team --card-id 3f5b…'],
  run: atCluster(async (place, invocation, io) => {
    const show = shownAs(invocation);
    const card = await cardAt(place, invocation.operands[0]);
    const published = card.status?.cardId;
    const approvedCardId = invocation.option('card-id') ?? published;
    if (approvedCardId === undefined)
      throw new Trouble(`AgentCard ${card.metadata.name} has published nothing to approve yet`);
    if (approvedCardId !== published) io.err(`note: published now is ${published ?? 'nothing'}\n`);
    io.out(show(await patchSpec(place, card, { approvedCardId }), `is approved as ${approvedCardId}`));
    return exit.ok;
  }),
};

/** The card as it is now, or what became of it in words. */
function shownAs(invocation: Invocation): (card: AgentCard, told: string) => string {
  const format = choice(invocation, 'output', formats);
  return (card, told) => {
    if (format === 'text') return `AgentCard ${card.metadata.name} ${told}\n`;
    if (format === 'name') return `${nameOf(customResources.agentCards, card.metadata.name)}\n`;
    return serialized(format, card);
  };
}

/** Against the version that was looked at, so that nobody orders about what they have not seen. */
async function patchSpec({ client }: Place, card: AgentCard, spec: object): Promise<AgentCard> {
  const { namespace, name, uid, resourceVersion } = card.metadata;
  const body = { metadata: { uid, resourceVersion }, spec };
  const now = await client.patch(customResources.agentCards, `${namespace}/${name}`, body, { type: 'merge' });
  // Whatever stands between may answer anything; the order was taken all the same.
  return { ...card, ...now, metadata: { ...card.metadata, ...now.metadata } };
}
