import type { Key, KubeObject } from '@agentcard-operator/kube/objects';
import { type AddOptions, lowPriority } from '@agentcard-operator/kube/runtime';
import type { CachedCard } from '../cached.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { FairLook } from './fair-look.ts';

export interface Sinks {
  readonly wake: (card: Key, when?: AddOptions) => void;
  /** A labelled pod that no card accounts for. */
  readonly addStray: (key: Key) => void;
  readonly ownWrites: OwnWrites;
}

/** Nobody waits for it; what people caused goes first. */
export const background = { priority: lowPriority };

/** What happens to a workload, or on the way to it, concerns the card that stands for it: others look at no agent. */
export type Wake = (cards: readonly CachedCard[]) => void;

/** Every change of an object is told with what it was before; of one that comes or goes that is the same. */
export function changes<T extends KubeObject>(tell: (object: T, before: T) => void) {
  return {
    add: (object: T) => tell(object, object),
    update: (old: T, object: T) => tell(object, old),
    remove: (object: T) => tell(object, object),
  };
}

/** Calls `find` for the object before and after each change; where `ownWrites` is given, only after what others changed. */
export function either<T extends KubeObject>(fair: FairLook, find: (object: T) => void, ownWrites?: OwnWrites) {
  const look = fair.looking(find);
  if (ownWrites === undefined) return changes(look);
  return {
    ...changes((object: T, before) => ownWrites.unlessOurs(object, () => look(object, before))),
    remove: (object: T) => {
      ownWrites.forget(object);
      look(object, object);
    },
  };
}
