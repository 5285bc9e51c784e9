import { keyOf } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { injectLabel, tlsPortName } from '../../operator/api/labels.ts';
import { modeFor } from '../../operator/network/mode.ts';
import { selects } from '../../operator/workload/selector.ts';
import type { Workload } from '../../operator/workload/workload.ts';
import { cardAt, clusterOptions, everywhere } from '../cluster/cluster.ts';
import { atCluster } from '../cluster/connection.ts';
import { type Command, choice, exit, outputIn, Trouble } from '../command.ts';
import { painted } from '../screen.ts';
import { serialized } from '../table.ts';
import { type Fleet, loadFleet } from './fleet.ts';
import { reachOf, workloadOf } from './forecast.ts';
import { summarize, summaryText } from './summary.ts';
import { type Explanation, explanationText } from './text.ts';

const formats: ['text', 'json', 'yaml'] = ['text', 'json', 'yaml'];

export const explain: Command = {
  name: 'explain',
  summary: 'Say why an agent is trusted or not, who may call it, and what enforcement would close',
  operands: ['[<name>]'],
  options: {
    ...clusterOptions,
    all: { doc: 'a summary of every card that you may see' },
    'all-namespaces': { ...everywhere, doc: 'the same' },
    output: outputIn(formats),
  },
  notes: [
    'Exit status: 0 Ready (with --all: every card), 1 not Ready, 2 wrong usage or no answer of the cluster.',
    'What packets may do is computed from the NetworkPolicies and pods that you may see, between agents to any port.',
    'Hosts, the pods on their network and what a mesh does to packets are not looked at; a node reaches its own pods whatever policies say.',
  ],
  examples: ['explain weather -n team', 'explain weather -n team -o json', 'explain --all'],
  run: atCluster(async (place, invocation, io) => {
    const output = choice(invocation, 'output', formats);
    const show = (value: object, text: (width?: number) => string) =>
      io.out(output === 'text' ? painted(text(io.width), io.color) : serialized(output, value));
    const [name] = invocation.operands;
    const all = invocation.option('all') !== undefined || invocation.option('all-namespaces') !== undefined;
    if (all === (name !== undefined))
      throw new Trouble('explain takes either the name of a card or --all (-A); see kubectl agentcard explain --help');
    if (name === undefined) {
      const fleet = await loadFleet(place, false);
      const summary = summarize(fleet);
      show(summary, (width) => summaryText(summary, width, fleet.settings.agentTlsPortName));
      return summary.notReady.length === 0 ? exit.ok : exit.refused;
    }
    const [card, fleet] = await Promise.all([cardAt(place, name), loadFleet(place, true)]);
    const explanation = explanationOf(card, fleet);
    show(explanation, (width) => explanationText(explanation, width, fleet.settings.agentTlsPortName));
    return explanation.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
      ? exit.ok
      : exit.refused;
  }),
};

/** All that is told of one card, of a fleet with its packets. */
export function explanationOf(card: AgentCard, fleet: Fleet): Explanation {
  const { conditions = [], checks = [], policy } = card.status ?? {};
  const { targetRef } = card.spec;
  return {
    card: keyOf(card),
    workload: targetRef === undefined ? null : `${targetRef.kind} ${targetRef.name}`,
    conditions,
    checks,
    mode: policy?.mode ?? modeFor(fleet.namespaceLabels(card.metadata.namespace ?? ''), fleet.settings.enforcement),
    policy: policy?.name ?? null,
    ...reachOf(card, fleet),
    notes: [...fleet.notes, ...hostNote(workloadOf(card, fleet)), ...plainPortNote(workloadOf(card, fleet), fleet)],
  };
}

function hostNote(workload: Workload | undefined): string[] {
  if (workload?.hostNetwork !== true) return [];
  return [`The pods of ${workload.name} are on the host's network: NetworkPolicies hold none of its connections.`];
}

/** An agent behind an injected proxy still listens itself, and policies let callers onto every port. */
export function plainPortNote(workload: Workload | undefined, { pods }: Pick<Fleet, 'pods'>): string[] {
  if (workload?.templateLabels[injectLabel] === undefined) return [];
  const own = pods.filter(
    ({ metadata }) => metadata.namespace === workload.namespace && selects(workload.selector, metadata.labels ?? {}),
  );
  const ports = own.flatMap(({ spec }) => (spec?.containers ?? []).flatMap((container) => container.ports ?? []));
  if (!ports.some(({ name }) => name === tlsPortName)) return [];
  const plain = [
    ...new Set(ports.filter(({ name }) => name !== tlsPortName).map(({ containerPort }) => containerPort)),
  ];
  const named = plain.length === 0 ? 'Its plain port' : `Port ${plain.join(', ')} of ${workload.name}`;
  return [
    `${named} is open beside its proxy: whoever may call can pass the proxy by. Have the agent listen on 127.0.0.1 alone.`,
  ];
}
