import type { LabelSelector } from '@agentcard-operator/kube/objects';
import { selects } from '../../operator/workload/selector.ts';

interface Selecting {
  readonly namespace: string;
  readonly selector: LabelSelector;
}

/** Finds what selects a pod by its namespace and its labels, one by one, instead of trying everything. */
export function selectorIndex<T>(items: readonly T[], read: (item: T) => Selecting) {
  const place = (namespace: string, pair: readonly string[] = []) => [namespace, ...pair].join('\n');
  const groups = Map.groupBy(items, (item) => {
    const { namespace, selector } = read(item);
    return place(namespace, Object.entries(selector.matchLabels ?? {})[0]);
  });
  return (namespace: string, labels: Readonly<Record<string, string>>): T[] => {
    const pairs = [undefined, ...Object.entries(labels)];
    const near = pairs.flatMap((pair) => groups.get(place(namespace, pair)) ?? []);
    return near.filter((item) => selects(read(item).selector, labels));
  };
}
