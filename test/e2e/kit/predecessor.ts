import { cardOf, type Left, markedWorkload, type Project, policyOf } from '../../cluster/go-operator.ts';
import type { World } from './world.ts';

export interface Inherited {
  readonly namespace: string;
  readonly name: string;
  /** As the Go operator's webhook and its API created them: by hand, or for their workload. */
  readonly auto?: boolean;
  /** By which of its names; the older one. */
  readonly project?: Project;
}

/** What the Go operator leaves of one agent in whose place it wrote: card, template, workload and NetworkPolicy. */
export async function leaveBehind(
  world: World,
  { auto = false, project = 'kagenti', ...of }: Inherited,
): Promise<void> {
  const { namespace, name } = of;
  const { metadata } = await world.json<{ metadata: { uid: string } }>('-n', namespace, 'get', 'deployment', name);
  const left: Left = auto ? { ...of, ownerUid: metadata.uid } : of;
  await world.apply(cardOf(project, left));
  const patch = JSON.stringify(markedWorkload(project, left));
  await world.kubectl('-n', namespace, 'patch', 'deployment', name, '--type=merge', '-p', patch);
  await world.kubectl('-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=60s');
  await world.apply(policyOf(project, left));
}
