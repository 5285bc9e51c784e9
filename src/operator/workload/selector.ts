import type { LabelSelector } from '@agentcard-operator/kube/objects';
import { apiGroup, identityLabel } from '../api/labels.ts';

export type Labels = Readonly<Record<string, string>>;

/** Whether plain selector pairs (a Service's) choose these labels; an empty selector chooses nothing. */
export function pairsSelect(pairs: Labels | undefined, labels: Labels): boolean {
  const entries = Object.entries(pairs ?? {});
  return entries.length > 0 && hasPairs(entries, labels);
}

/** Whether a label selector chooses these labels; an empty selector chooses everything (Kubernetes API conventions). */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  return (
    hasPairs(Object.entries(selector.matchLabels ?? {}), labels) &&
    (selector.matchExpressions ?? []).every((expression) => holds(expression, labels))
  );
}

/**
 * Written on pods by controllers, platforms, injectors of meshes and us, besides their template; app.kubernetes.io/ is for people, and
 * what a Sandbox's pod gets is known from its status.
 */
const byOthers =
  /^(pod-template-(hash|generation)|controller-revision-hash|job-name|controller-uid)$|^(?!app\.kubernetes\.io\/|agents\.x-k8s\.io\/sandbox-name-hash$).*\b((kubernetes|k8s|istio|linkerd|kuma|dapr|openservicemesh)\.io|knative\.dev|consul\.hashicorp\.com|(eks|vpc)\.amazonaws\.com)\//;
const isAddedLater = (key: string) => key === identityLabel || byOthers.test(key);

/** Whether a selector could choose pods whose template has these labels: what is added later may be anything. */
export function maySelect({ matchLabels = {}, matchExpressions = [] }: LabelSelector, template: Labels): boolean {
  const pairs = Object.entries(matchLabels).filter(([key]) => !isAddedLater(key));
  const known = matchExpressions.filter(({ key }) => !isAddedLater(key));
  return selects({ matchLabels: Object.fromEntries(pairs), matchExpressions: known }, template);
}

/** What all that a selector chooses has in its template: a pair, or one of several; undefined where nothing is said of that. */
export function termsOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector) {
  const stands = (key: string) => !isAddedLater(key) && !key.startsWith(`${apiGroup}/`);
  const [pair] = Object.entries(matchLabels)
    .filter(([key]) => stands(key))
    .sort();
  if (pair !== undefined) return [pair];
  const one = matchExpressions.find(({ key, operator }) => operator === 'In' && stands(key));
  return one && (one.values ?? []).map((value): [string, string] => [one.key, value]);
}

/** What all that a selector chooses has; of several values the first. */
export function labelsOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Labels {
  const chosen = matchExpressions.flatMap(({ key, operator, values: [first] = [] }) =>
    operator === 'In' && first !== undefined ? [[key, first] as const] : [],
  );
  return { ...Object.fromEntries(chosen), ...matchLabels };
}

/** It says what the chosen pods have; one that only says what they lack chooses whatever comes. */
export function isPositive({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  const says = matchExpressions.some(({ operator }) => operator === 'In' || operator === 'Exists');
  return says || Object.keys(matchLabels).length > 0;
}

export function hasPairs(pairs: readonly (readonly [string, string])[], labels: Labels = {}): boolean {
  return pairs.every(([key, value]) => labelOf(labels, key) === value);
}

/** Labels may be called like members of every object. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

function holds({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
