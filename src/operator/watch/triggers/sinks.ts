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

/** Calls `find` for the object before and after each change; where `ownWrites` is given, only after what others changed. */
export function either<T extends KubeObject>(fair: FairLook, find: (object: T) => void, ownWrites?: OwnWrites) {
  const look = fair.looking(find);
  const tell = (object: T, before = object) => {
    if (ownWrites === undefined) look(object, before);
    else ownWrites.unlessOurs(object, () => look(object, before));
  };
  return {
    add: (object: T) => tell(object),
    update: (old: T, object: T) => tell(object, old),
    remove: (object: T) => {
      ownWrites?.forget(object);
      look(object);
    },
  };
}
