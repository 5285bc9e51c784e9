import type { AgentCard } from '../../operator/api/agentcard.ts';
import { customResources } from '../../operator/api/resources.ts';
import { type Command, exit, Trouble } from '../command.ts';
import { asking, cardAt, clusterOptions, type Place, placeOf } from './cluster.ts';

/** What people order about one card: cut it off, let it run again, approve its content. */
export const quarantine: Command = {
  name: 'quarantine',
  summary: 'Cut an agent off the network now, in every mode and whatever it proves',
  operands: ['<name>'],
  options: { ...clusterOptions, reason: { value: '<text>', doc: 'why, for everybody to read', required: true } },
  notes: [
    'New connections end within moments; what a connection does that is open already, the network plugin decides.',
    'To cut off by SPIFFE ID or cardId, and beyond what editors of cards can lift: ConfigMap agentcard-quarantine.',
  ],
  examples: ['quarantine weather -n team --reason "incident 7"'],
  run: async (invocation, io) => {
    const place = await placeOf(invocation);
    const reason = invocation.option('reason') ?? '';
    const card = await cardAt(place, invocation.operands[0] ?? '');
    await patchSpec(place, card, { quarantine: { reason } });
    const { name, namespace } = card.metadata;
    io.out(`AgentCard ${name} is quarantined; see kubectl agentcard explain ${name} -n ${namespace}\n`);
    return exit.ok;
  },
};

export const release: Command = {
  name: 'release',
  summary: 'Lift the quarantine that a card itself orders',
  operands: ['<name>'],
  options: clusterOptions,
  notes: ['Needs the verb quarantine on agentcards. The agent is trusted again when it proves itself.'],
  examples: ['release weather -n team'],
  run: async (invocation, io) => {
    const place = await placeOf(invocation);
    const card = await cardAt(place, invocation.operands[0] ?? '');
    if (card.spec.quarantine === undefined) {
      const ready = card.status?.conditions?.find(({ type }) => type === 'Ready');
      const elsewhere = ready?.reason === 'Quarantined' ? ` ${ready.message}` : '';
      throw new Trouble(`AgentCard ${card.metadata.name} orders no quarantine itself.${elsewhere}`);
    }
    await patchSpec(place, card, { quarantine: null });
    io.out(`AgentCard ${card.metadata.name} is released\n`);
    return exit.ok;
  },
};

export const approve: Command = {
  name: 'approve',
  summary: 'Trust a card only as long as its content stays what it is now',
  operands: ['<name>'],
  options: {
    ...clusterOptions,
    'card-id': { value: '<id>', doc: 'the content that you reviewed (default: what is published now)' },
  },
  notes: [
    'Needs the verb trust on agentcards. A card that changes afterwards is CardNotApproved until it is approved again.',
  ],
  examples: ['approve weather -n team', 'approve weather -n team --card-id 3f5b…'],
  run: async (invocation, io) => {
    const place = await placeOf(invocation);
    const card = await cardAt(place, invocation.operands[0] ?? '');
    const published = card.status?.cardId;
    const approvedCardId = invocation.option('card-id') ?? published;
    if (approvedCardId === undefined)
      throw new Trouble(`AgentCard ${card.metadata.name} has published nothing to approve yet`);
    if (approvedCardId !== published) io.err(`note: published now is ${published ?? 'nothing'}\n`);
    await patchSpec(place, card, { approvedCardId });
    io.out(`AgentCard ${card.metadata.name} is approved as ${approvedCardId}\n`);
    return exit.ok;
  },
};

/** Against the version that was looked at, so that nobody orders about what they have not seen. */
async function patchSpec({ client }: Place, card: AgentCard, spec: object): Promise<void> {
  const { namespace, name, uid, resourceVersion } = card.metadata;
  const body = { metadata: { uid, resourceVersion }, spec };
  await asking(client.patch(customResources.agentCards, `${namespace}/${name}`, body, { type: 'merge' }));
}
