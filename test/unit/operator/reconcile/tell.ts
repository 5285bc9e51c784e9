import { resolve } from '../../../../src/operator/judge/resolve.ts';
import type { Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import { evaluate } from '../../../../src/operator/judge/verdict.ts';
import { mergePatch } from '../../../../src/operator/reconcile/patch.ts';
import { plan } from '../../../../src/operator/reconcile/plan.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { card, now, settings } from './builders.ts';

/** One run of the pure steps, and how its conditions read. */
export function tell(seen: Snapshot, at = now, over: Partial<Settings> = {}) {
  const chosen = { ...settings, ...over };
  const target = resolve(seen, chosen);
  const verdict = evaluate(seen, target, chosen, at);
  const planned = plan({ snapshot: seen, target, verdict, settings: chosen }, at);
  const { fields } = planned.status ?? {};
  const condition = (type: string) => fields?.conditions?.find((candidate) => candidate.type === type);
  const says = (type: string) => {
    const found = condition(type);
    return found && `${found.status} ${found.reason}`;
  };
  const check = (name: string) => fields?.checks?.find((candidate) => candidate.name === name);
  return { ...planned, verdict, fields, condition, says, check };
}

export type Told = ReturnType<typeof tell>;

/** The card as it is stored once a run has been settled. */
export function settled(told: Told, base: CachedCard = card()): CachedCard {
  if (told.fields === undefined) throw new Error('the run wrote no status');
  return { ...base, status: told.fields, publishedHash: 'hash' };
}

/** What a run would write: nothing when the stored status says the same. Certificate times alone are not written. */
export function writes(told: Told, stored: CachedCard): readonly string[] {
  if (told.fields === undefined) return [];
  const before = (stored.status ?? {}) as object as Record<string, unknown>;
  const patch = mergePatch(before, told.fields as StatusFields as Record<string, unknown>);
  return Object.keys(patch ?? {}).filter((key) => key !== 'identityExpiresAt');
}
