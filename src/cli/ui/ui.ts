import { randomBytes } from 'node:crypto';
import { hasCode } from '@agentcard-operator/kube';
import { customResources } from '../../operator/api/resources.ts';
import { clusterOptions } from '../cluster/cluster.ts';
import { atCluster, connectionOptions } from '../cluster/connection.ts';
import { type Command, exit, type Invocation, Trouble } from '../command.ts';
import { answersFrom } from './answers.ts';
import { pageFiles } from './assets.ts';
import { watchCluster } from './live.ts';
import { serve } from './server.ts';

export const ui: Command = {
  name: 'ui',
  summary: 'Show every agent, why it is trusted or not, and who may call whom, on a page on this machine',
  operands: [],
  options: {
    ...clusterOptions,
    namespace: { ...clusterOptions.namespace, doc: 'namespace that is shown where you may not list the whole cluster' },
    port: { value: '<number>', doc: 'port on 127.0.0.1 (default any that is free)' },
    'no-browser': { doc: 'print the URL only' },
  },
  notes: [
    'It shows and does what you may with this kubeconfig, and nothing is installed in the cluster. Ctrl-C ends it.',
    'The URL lets in one browser, once. Who has it acts with your rights: do not pass it on.',
    'Where you may not list AgentCards of the whole cluster, those of the namespace are shown.',
    'Exit status: 0 ended by Ctrl-C, 2 wrong usage or no answer of the cluster.',
  ],
  examples: ['ui', 'ui --no-browser --port 8001'],
  run: atCluster(async (place, invocation, io) => {
    const port = portOf(invocation);
    // What only a person can mend ends it; a right or a kind that is not there may come while it runs.
    await place.client.listPage(customResources.agentCards, { limit: 1 }).catch((error: unknown) => {
      if (!hasCode(error, 403) && !hasCode(error, 404)) throw error;
    });
    const stop = new AbortController();
    const live = watchCluster(place, stop.signal);
    const names = Object.keys(connectionOptions);
    const options = names.flatMap((name) => invocation.all(name).map((value) => `--${name}=${value}`));
    const answers = answersFrom({ place, live, options, now: io.now });
    try {
      const secret = () => randomBytes(24).toString('base64url');
      const serving = await serve({ files: await pageFiles(), live, answers, secret }, port);
      io.out(`${serving.url}\n`);
      io.err(`port ${serving.port} of this machine; the URL lets one browser in, once. Ctrl-C ends it.\n`);
      if (invocation.option('no-browser') === undefined) io.browse?.(serving.url);
      await io.enough?.();
      serving.close();
    } finally {
      stop.abort();
      place.client.close();
    }
    return exit.ok;
  }),
};

function portOf(invocation: Invocation): number {
  const text = invocation.option('port') ?? '0';
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new Trouble(`--port is a number up to 65535, not "${text}"`);
}
