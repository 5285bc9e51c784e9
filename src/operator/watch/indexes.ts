import type {
  EndpointSlice,
  KubeObject,
  LabelSelector,
  NetworkPolicy,
  Service,
} from '@agentcard-operator/kube/objects';
import { apiGroup, policyName } from '../api/labels.ts';
import { owningCard } from '../network/policy.ts';
import { templateHash } from '../workload/pod.ts';
import { type Labels, termsOf } from '../workload/selector.ts';
import { serviceNameLabel } from '../workload/service.ts';
import { workloadKey } from '../workload/workload.ts';
import type { CachedCard, CachedWorkload } from './cached.ts';

/** An index entry for one label pair in one namespace. */
export function pairKey(namespace: string | undefined, key: string, value: string): string {
  return `${namespace ?? ''}/${key}=${value}`;
}

/** Selectors that name no pair, and what they may choose. */
const anyKey = (namespace: string | undefined) => `${namespace ?? ''}/`;

/** Where what a selector may choose is found, and the selector by what it may choose. */
export function termKeys(namespace: string | undefined, selector: LabelSelector): readonly string[] {
  return termsOf(selector)?.map((pair) => pairKey(namespace, ...pair)) ?? [anyKey(namespace)];
}

export function labelKeys(namespace: string | undefined, labels: Labels): readonly string[] {
  return [...Object.entries(labels).map((pair) => pairKey(namespace, ...pair)), anyKey(namespace)];
}

/** Of these each pod has a value of its own, or all have the same: nobody is found by them. */
export const isTelling = (key: string): boolean => key !== templateHash && !key.startsWith(`${apiGroup}/`);

function pairsOf({ metadata: { namespace, labels = {} } }: KubeObject): readonly string[] {
  const telling = Object.entries(labels).filter(([key]) => isTelling(key));
  return telling.map((pair) => pairKey(namespace, ...pair));
}

const inNamespace = ({ metadata }: KubeObject) => [metadata.namespace ?? ''];

/** By what each kind of object is found, besides its key. */
export const indexes = {
  cards: {
    namespace: inNamespace,
    target: ({ metadata, spec: { targetRef } }: CachedCard) =>
      targetRef === undefined ? [] : [workloadKey(metadata.namespace ?? '', targetRef)],
    /** The Services that lead to the card by name: the one it names, and the one named like its workload. */
    refers: ({ metadata, spec }: CachedCard) => {
      const names = [spec.endpoint?.service, spec.targetRef?.name].filter((name) => name !== undefined);
      return [...new Set(names)].map((name) => `${metadata.namespace}/${name}`);
    },
    /** The AgentCards that its list of callers names. */
    callers: ({ metadata, spec }: CachedCard) =>
      (spec.callers ?? []).flatMap(({ agentCard }) =>
        agentCard === undefined ? [] : [`${agentCard.namespace ?? metadata.namespace}/${agentCard.name}`],
      ),
    /** The policy of a card, by the name that it has or would have. */
    policy: ({ metadata, spec: { targetRef } }: CachedCard) =>
      targetRef === undefined ? [] : [`${metadata.namespace}/${policyName(targetRef)}`],
  },
  workloads: {
    /** By each pair of their template's labels. */
    pair: ({ metadata, workload }: CachedWorkload) => labelKeys(metadata.namespace, workload?.templateLabels ?? {}),
    /** By what their selector asks for. */
    selector: ({ metadata, workload }: CachedWorkload) =>
      workload === undefined ? [] : termKeys(metadata.namespace, workload.selector),
    uid: ({ metadata: { uid } }: CachedWorkload) => (uid === undefined ? [] : [uid]),
  },
  /** By the first pair of their selector: what is chosen has it. */
  services: {
    pair: (service: Service) => {
      const [first] = Object.entries(service.spec?.selector ?? {}).sort();
      return first === undefined ? [] : [pairKey(service.metadata.namespace, ...first)];
    },
  },
  slices: {
    service: ({ metadata: { namespace, labels } }: EndpointSlice) => {
      const name = labels?.[serviceNameLabel];
      return name === undefined ? [] : [`${namespace}/${name}`];
    },
  },
  pods: { namespace: inNamespace, pair: pairsOf },
  policies: {
    /** By the uid of the card that owns them. */
    owner: (policy: NetworkPolicy) => {
      const owner = owningCard(policy);
      return owner === undefined ? [] : [owner.uid];
    },
    /** Policies that are not ours, by the namespace where they may weaken ours. */
    foreign: (policy: NetworkPolicy) => (owningCard(policy) === undefined ? inNamespace(policy) : []),
    /** Policies of cards, which may weaken another card's, by what their selector asks for. */
    selector: (policy: NetworkPolicy) =>
      owningCard(policy) === undefined ? [] : termKeys(policy.metadata.namespace, policy.spec.podSelector),
  },
};
