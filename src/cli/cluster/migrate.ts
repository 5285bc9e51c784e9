import { goOperators } from '../../operator/api/names.ts';
import { predecessorRemains, runningPredecessor } from '../../operator/cleanup/predecessor.ts';
import { undoAll } from '../../operator/cleanup/remains.ts';
import { type Command, exit } from '../command.ts';
import { formatOf, outputOption } from '../table.ts';
import { fleetOptions, namespacesOf } from './cluster.ts';
import { atCluster } from './connection.ts';
import { kindOwner } from './kind.ts';
import { listed, reported } from './remains.ts';

export const migrate: Command = {
  name: 'migrate',
  summary: `List what the Go operator (${goOperators.join(', ')}) left on a cluster, and clean it`,
  operands: [],
  options: {
    ...fleetOptions,
    apply: { doc: 'clean it; without this it is listed only' },
    output: outputOption,
  },
  notes: [
    'A label or annotation in a pod template goes by a change of the template, which replaces the pods of that workload once.',
    'Exit status: 0 done or listed, 1 the Go operator still runs or something was refused, 2 wrong usage or no cluster.',
  ],
  examples: ['migrate -o wide', 'migrate --apply --namespaces team-a,team-b'],
  run: atCluster(async ({ client }, invocation, io) => {
    const format = formatOf(invocation);
    const remains = await predecessorRemains(client, namespacesOf(invocation));
    const running = await runningPredecessor(client, io.now());
    const owner = await kindOwner(client);
    io.out(listed(remains, format));
    if (owner !== undefined) io.err(`${owner}\n`);
    if (running !== undefined) {
      io.err(
        `${running.operator} still runs in namespace ${running.namespace}, and would put back what is taken away: `,
      );
      io.err('uninstall it, or scale its Deployment to none, first\n');
    }
    if (invocation.option('apply') === undefined) return exit.ok;
    return running === undefined ? reported(remains, await undoAll(remains, client), io) : exit.refused;
  }),
};
