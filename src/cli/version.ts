import { version } from '../operator/settings/version.ts';
import { atCluster, connectionOptions, type Place } from './cluster/connection.ts';
import { type Command, choice, exit, type Io, outputIn } from './command.ts';

const formats: ['text', 'json', 'yaml'] = ['text', 'json', 'yaml'];
const client = { version, node: process.version, platform: `${process.platform}/${process.arch}` };
const clientText = `plugin    ${version} (Node ${process.version}, ${client.platform})\n`;

/** It loads nothing about clusters and cards unless it has to: scripts call it to see whether the plugin is there. */
export const versionCommand: Command = {
  name: 'version',
  summary: 'Say the version of this plugin, and of the operator in the cluster',
  operands: [],
  options: {
    client: { doc: 'of the plugin only; no cluster is asked' },
    output: outputIn(formats),
    ...connectionOptions,
  },
  notes: ['Exit status: 0 said, 1 you may see no operator, 2 wrong usage or no answer of the cluster.'],
  examples: ['version', 'version --client -o json'],
  run: async (invocation, io) => {
    const format = choice(invocation, 'output', formats);
    const show = async (more: object) => {
      if (format !== 'text') io.out((await import('./table.ts')).serialized(format, { client, ...more }));
    };
    // Whoever asks of what version this is may do so because no cluster answers.
    if (format === 'text') io.out(clientText);
    if (invocation.option('client') !== undefined) return show({}).then(() => exit.ok);
    return atCluster((place) => ofOperators(place, show, io, format === 'text'))(invocation, io);
  },
};

async function ofOperators(place: Place, show: (more: object) => Promise<void>, io: Io, isText: boolean) {
  const { operatorsAt } = await import('./cluster/operators.ts');
  const operators = await operatorsAt(place);
  await show({ operators });
  for (const { name, version: its, image } of isText ? operators : [])
    io.out(`operator  ${its} (Deployment ${name}, image ${image})\n`);
  if (operators.length > 0) return exit.ok;
  io.err(`you may see no Deployment of the operator on ${place.origin}\n`);
  return exit.refused;
}
