import type { KubeClient } from '@agentcard-operator/kube';
import { keyOf, splitKey } from '@agentcard-operator/kube/objects';
import { verifiedLabel } from '../../operator/api/labels.ts';
import { customResources } from '../../operator/api/resources.ts';
import { isName, type Place } from '../cluster/connection.ts';
import { approve, quarantine, release } from '../cluster/orders.ts';
import { type Command, parseInvocation, Trouble } from '../command.ts';
import { explanationOf } from '../explain/explain.ts';
import { type Fleet, loadFleet } from '../explain/fleet.ts';
import { nameOf } from '../explain/forecast.ts';
import { networkBranch } from '../explain/text.ts';
import type { Branch } from '../tree.ts';
import { agentView } from './agent-view.ts';
import type { Live } from './live.ts';
import { mapView } from './map-view.ts';
import { type Order, wordsOf } from './order.ts';
import { shown } from './rows.ts';

/** What the page may ask for besides the feed. Undefined: there is no such card. */
export type Answers = ReturnType<typeof answersFrom>;
export type ReachView = NonNullable<ReturnType<typeof reachView>>;

export interface Sources {
  readonly place: Place;
  readonly live: Live;
  /** Options that the user gave, for the commands to run with. */
  readonly options: readonly string[];
  readonly now: () => Date;
}

/** A look at the whole fleet serves all who ask within this time. */
const sharedMs = 2_000;
const commands: Readonly<Record<Order['action'], Command>> = { quarantine, release, approve };

export function answersFrom({ place, live, options, now }: Sources) {
  const packets = shared(() => loadFleet(place, true), now);
  const cards = shared(() => loadFleet(place, false), now);
  return {
    agent: (key: string) => {
      const card = live.card(key);
      return card && agentView(card, live.eventsOf(key), live.versionsOf(key));
    },
    // A card that came since the last look calls for another.
    reach: async (key: string) =>
      reachView(key, await packets()) ?? (live.card(key) && reachView(key, await packets({ anew: true }))),
    map: async () => mapView(await cards()),
    rights: (key: string) => {
      const { namespace = '', name } = splitKey(key);
      if (!isName(namespace) || !isName(name)) throw new Trouble('there is no such card');
      // What is shown can be copied, but for what is secret.
      const shownOptions = options.filter((option) => !option.startsWith('--token='));
      return rightsOn(place.client, namespace, name).then((rights) => ({ ...rights, options: shownOptions }));
    },
    /** Runs the very command that the page shows; throws what that would have said on standard error. */
    obey: async (order: Order) => {
      const said: string[] = [];
      const say = (text: string) => said.push(text);
      const command = commands[order.action];
      const invocation = parseInvocation(command, [...wordsOf(order).slice(1), ...options]);
      await command.run(invocation, { out: say, err: say, stdin: async function* none() {}, now });
      return { said: said.join('').trim() };
    },
  };
}

function shared(load: () => Promise<Fleet>, now: () => Date) {
  let last: { readonly at: number; readonly fleet: Promise<Fleet> } | undefined;
  return ({ anew = false } = {}) => {
    const at = now().getTime();
    if (anew || last === undefined || at - last.at > sharedMs) {
      last = { at, fleet: load() };
      // A failure is not kept.
      last.fleet.catch(() => {
        last = undefined;
      });
    }
    return last.fleet;
  };
}

function reachView(key: string, fleet: Fleet) {
  const card = fleet.cards.find((one) => keyOf(one) === key);
  if (card === undefined) return undefined;
  const explanation = explanationOf(card, fleet);
  const owner = `${card.metadata.namespace}/${card.spec.targetRef?.name}`;
  const pods = fleet.pods.filter((pod) => nameOf(pod) === owner);
  return {
    network: plain(networkBranch(explanation)),
    pods: pods.map(({ metadata: { name, labels = {} }, status }) => {
      const addresses = (status?.podIPs ?? []).map(({ ip }) => ip).join(', ');
      return { name, verified: labels[verifiedLabel] === 'true', addresses };
    }),
    notes: explanation.notes,
  };
}

function plain({ text, below = [] }: Branch): Branch {
  return { text: shown(text, 400), below: below.map(plain) };
}

interface Review {
  readonly status?: { readonly allowed?: boolean };
}

/** What this user may do about a card. */
export type Rights = Awaited<ReturnType<Answers['rights']>>;

/** Asked of the API server for this very card, as it would ask itself; an answer that does not come is a no. */
async function rightsOn(client: KubeClient, namespace: string, name: string) {
  const { group, plural: resource } = customResources.agentCards;
  const may = async (verb: string): Promise<boolean> => {
    const spec = { resourceAttributes: { namespace, name, verb, group, resource } };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const review = await client.json<Review>({ method: 'POST', path, body }).catch((): Review => ({}));
    return review.status?.allowed === true;
  };
  const [patch, trust, lift] = await Promise.all([may('patch'), may('trust'), may('quarantine')]);
  return { quarantine: patch, release: patch && lift, approve: patch && trust };
}
