import type { LabelSelector } from '@agentcard-operator/kube/objects';

type Labels = Readonly<Record<string, string>>;

/** Whether plain selector pairs (a Service's) choose these labels; an empty selector chooses nothing. */
export function pairsSelect(pairs: Labels | undefined, labels: Labels): boolean {
  const entries = Object.entries(pairs ?? {});
  return entries.length > 0 && entries.every(([key, value]) => labels[key] === value);
}

/** Whether a label selector chooses these labels; an empty selector chooses everything (Kubernetes API conventions). */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  const pairs = Object.entries(selector.matchLabels ?? {});
  return (
    pairs.every(([key, value]) => labels[key] === value) &&
    (selector.matchExpressions ?? []).every((expression) => holds(expression, labels))
  );
}

function holds(
  expression: { readonly key: string; readonly operator: string; readonly values?: readonly string[] },
  labels: Labels,
): boolean {
  const value = labels[expression.key];
  switch (expression.operator) {
    case 'In':
      return value !== undefined && (expression.values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(expression.values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
