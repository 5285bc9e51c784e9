import { expect, vi } from 'vitest';
import type { Reach } from '../../../src/cli/explain/forecast.ts';
import type { Pod } from '../../../src/kube/objects.ts';
import { Attempts } from './attempts.ts';
import { type Destination, dial, type Passage } from './dial.ts';
import { agentcard } from './plugin.ts';
import { operatorNamespace, patience, type World } from './world.ts';

/** "from → to", and whether new connections pass. */
export type Passages = Readonly<Record<string, Passage>>;

interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly address: string;
}

/** What unverified agents reach besides their operator. */
const common = { DNS: 'DNS', 'the API server': { host: '198.19.128.1', port: 443 } } as const;

/** Pods by the names of their workloads, with the operator's among them, and what may pass between them. */
export class Matrix<Name extends string> {
  readonly #world: World;
  readonly #namespaces: Readonly<Record<Name, string>>;
  readonly #agents: readonly Name[];
  readonly #places = new Map<string, Place>();

  /** `agents`: those with an AgentCard of their name, of which explain can tell. */
  constructor(world: World, namespaces: Readonly<Record<Name, string>>, agents: readonly NoInfer<Name>[]) {
    this.#world = world;
    this.#namespaces = namespaces;
    this.#agents = agents;
  }

  get names(): readonly Name[] {
    return Object.keys(this.#namespaces) as Name[];
  }

  async locate(): Promise<void> {
    for (const name of [...this.names, 'operator']) this.#places.set(name, await this.#placeOf(name));
  }

  async #placeOf(name: string): Promise<Place> {
    const isOurs = name === 'operator';
    const namespace = isOurs ? operatorNamespace : this.#namespaces[name as Name];
    const selector = isOurs ? 'app.kubernetes.io/name=agentcard-operator' : `app=${name}`;
    const newestLast = ['--sort-by=.metadata.creationTimestamp', '-l', selector];
    const { items } = await this.#world.json<{ items: Pod[] }>('-n', namespace, 'get', 'pods', ...newestLast);
    const pod = items.findLast(({ metadata }) => metadata.deletionTimestamp === undefined);
    return { namespace, pod: pod?.metadata.name ?? '', address: pod?.status?.podIP ?? '' };
  }

  at(name: string): Place {
    return this.#places.get(name) ?? { namespace: '', pod: '', address: '' };
  }

  /** Packets, from every pod to every other one but the operator's, to DNS and to the API server. */
  packets(): Promise<Passages> {
    return this.between([...this.#places.keys()]);
  }

  async between(sources: readonly string[]): Promise<Passages> {
    const rows = await Promise.all(
      sources.map(async (source) => {
        const others = this.names.filter((name) => name !== source);
        const to: Record<string, Destination> = Object.fromEntries(
          others.map((name) => [name, { host: this.at(name).address, port: 8080 }]),
        );
        const said = await dial(this.#world, this.at(source), { ...to, ...common });
        return Object.entries(said).map(([target, passage]) => [`${source} → ${target}`, passage] as const);
      }),
    );
    return Object.fromEntries(rows.flat());
  }

  /** What explain says of every agent, now or with enforcement; only of agents it says what they reach. */
  async explained(when: 'now' | 'enforced'): Promise<Passages> {
    const matrix: Record<string, Passage> = {};
    for (const name of this.#agents) {
      const { callers, reaches } = await this.reach(name);
      for (const [source, { namespace }] of this.#places) {
        const who = source === 'operator' ? 'agentcard-operator' : source;
        const way = callers.find((one) => one.who === `${namespace}/${who}`);
        if (source !== name && way !== undefined) matrix[`${source} → ${name}`] = way[when];
      }
      for (const way of reaches) if (!way.who.includes('/')) matrix[`${name} → ${way.who}`] = way[when];
      delete matrix[`${name} → addresses outside the cluster`];
    }
    return matrix;
  }

  async reach(name: Name): Promise<Reach> {
    const args = ['explain', name, '-n', this.#namespaces[name], '-o', 'json'];
    return JSON.parse((await agentcard(this.#world, ...args)).out) as Reach;
  }

  /** The part of the packets that is expected; packet filters follow the API server after a moment. */
  packetsAre(expected: Passages): Promise<Passages> {
    return vi.waitFor(
      async () => {
        const all = await this.packets();
        expect(Object.fromEntries(Object.entries(all).filter(([way]) => way in expected))).toEqual(expected);
        return all;
      },
      { ...patience, interval: 1_000 },
    );
  }

  /** One way of the matrix, over and over. */
  attempts(way: string): Attempts {
    const [from = '', to = ''] = way.split(' → ');
    return new Attempts(this.#world, this.at(from), { host: this.at(to).address, port: 8080 });
  }

  async passes(way: string, passage: Passage): Promise<void> {
    const [from = '', to = ''] = way.split(' → ');
    await vi.waitFor(async () => {
      const said = await dial(this.#world, this.at(from), { [to]: { host: this.at(to).address, port: 8080 } });
      expect(`${way} ${said[to]}`).toBe(`${way} ${passage}`);
    }, patience);
  }
}
