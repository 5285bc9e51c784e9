import { randomBytes } from 'node:crypto';
import { expect, vi } from 'vitest';
import { stringify } from 'yaml';
import type { AgentCard } from '../../../src/operator/api/agentcard.ts';
import { requests } from '../../bench/metrics.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { archiveOf } from '../../cluster/images.ts';
import { operatorImage } from './images.ts';
import { openNode, workersNode } from './nodes.ts';

export const operatorNamespace = 'agentcard-system';
const release = 'agentcard-operator';

/** Ten times what the figure says: these tests prove that it happens, the benchmark how fast. */
export const patience = { timeout: 120_000, interval: 200 };

/** The node that the setup started, with the operator installed by the chart as a user would. */
export class World {
  readonly cluster: Cluster;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async open(): Promise<World> {
    return new World(await openNode(workersNode()));
  }

  kubectl(...args: string[]): Promise<string> {
    return this.cluster.kubectl(args);
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.cluster.kubectl(['apply', '-f', '-'], objects.map((object) => stringify(object)).join('---\n'));
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...args, '-o', 'json')) as T;
  }

  /** Values as in values.yaml; mutual TLS against the node's SPIRE and enforcement unless said otherwise. */
  async install(values: object = {}, ...flags: readonly string[]): Promise<void> {
    const [repository = '', tag = ''] = operatorImage.split(/:(?=[^:]*$)/);
    const all = {
      image: { repository, tag, pullPolicy: 'Never' },
      // The tag stays the same from build to build; the archive's path goes by its content.
      podAnnotations: { image: (await archiveOf(operatorImage)).replaceAll('/', '_').slice(-60) },
      verifiedFetch: { enabled: true, trustDomain: 'example.org' },
      spiffe: { volume: 'hostPath' },
      enforcement: { mode: 'enforce' },
      networkProbe: { enabled: true },
      config: { 'metrics-bind-address': ':8080' },
      ...values,
    };
    const where = ['--namespace', operatorNamespace, '--create-namespace'];
    const args = ['upgrade', '--install', release, 'charts/agentcard-operator', ...where, '--values', '-', '--wait'];
    await this.cluster.helm([...args, '--timeout', '180s', ...flags], stringify(all));
  }

  async uninstall(): Promise<void> {
    await this.cluster.helm(['uninstall', release, '--namespace', operatorNamespace, '--wait', '--ignore-not-found']);
  }

  /** A fresh namespace; the random part keeps test files apart. */
  async namespace(name: string): Promise<string> {
    const full = `${name}-${randomBytes(3).toString('hex')}`;
    await this.kubectl('create', 'namespace', full);
    return full;
  }

  card(namespace: string, name: string): Promise<AgentCard> {
    return this.json<AgentCard>('--namespace', namespace, 'get', 'agentcard', name);
  }

  /** Waits until the card's conditions are as said, for example { Ready: 'True ReadyToServe' }. */
  async cardSays(namespace: string, name: string, wanted: Readonly<Record<string, string>>): Promise<AgentCard> {
    return vi.waitFor(async () => {
      const card = await this.card(namespace, name);
      const said = Object.keys(wanted).map((type) => {
        const condition = card.status?.conditions?.find((candidate) => candidate.type === type);
        return [type, condition === undefined ? 'absent' : `${condition.status} ${condition.reason}`];
      });
      expect(Object.fromEntries(said)).toEqual(wanted);
      return card;
    }, patience);
  }

  /** Writes that the API server has accepted, by resource and subresource; only the operator makes these. */
  async writes(): Promise<Readonly<Record<string, number>>> {
    const answered = requests(await this.kubectl('get', '--raw', '/metrics'));
    const count = (what: string, verbs = ['POST', 'PUT', 'PATCH', 'DELETE']) =>
      verbs.reduce((all, verb) => all + (answered[`${verb} ${what}`] ?? 0), 0);
    return {
      'agentcards/status': count('agentcards/status'),
      networkpolicies: count('networkpolicies'),
      'pods in place': count('pods', ['PATCH']),
    };
  }
}
