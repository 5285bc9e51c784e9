import type { Key } from '@agentcard-operator/kube/objects';
import type { Requeue } from '@agentcard-operator/kube/runtime';
import type { Ask } from '../inquiry/agenda.ts';
import type { Seen } from '../inquiry/inquiry.ts';
import { resolve } from '../judge/resolve.ts';
import { podsBehind, type Snapshot } from '../judge/snapshot.ts';
import { evaluate, isSilent } from '../judge/verdict.ts';
import type { Settings } from '../settings/settings.ts';
import { type Applied, type ApplyEdges, apply } from './apply.ts';
import { plan } from './plan.ts';
import { type SettleEdges, settle } from './settle.ts';

/** The world around the story. Only observe, ask, apply and settle touch it; the steps between them are pure. */
export interface Edges extends SettleEdges, ApplyEdges {
  /** Reads the caches; undefined when the card is gone. */
  readonly snapshot: (key: Key) => Snapshot | undefined;
  /** Hands questions to the inquiry, but for those answered since; it answers by evidence and by adding the key again. */
  readonly ask: (asks: readonly Ask[], since: number) => void;
  /** Keeps what is still true of a card's evidence. */
  readonly keep: (seen: Omit<Seen, 'replaced'>, applied: Applied) => void;
  readonly forget: (key: Key) => Promise<void>;
}

/**
 * observe → resolve → evaluate → plan → apply → settle. Never waits on an agent: what must be asked goes to the
 * inquiry, and this run decides with the evidence there is.
 */
export async function reconcile(key: Key, settings: Settings, edges: Edges): Promise<Requeue> {
  const snapshot = edges.snapshot(key);
  if (snapshot === undefined) {
    await edges.forget(key);
    return {};
  }
  const now = edges.now();
  const target = resolve(snapshot, settings);
  const verdict = evaluate(snapshot, target, settings, now);
  const planned = plan({ snapshot, target, verdict, settings }, now);

  const applied = await apply(planned, snapshot.card.metadata.namespace ?? '', edges);
  edges.ask(planned.agenda, now);
  edges.keep({ card: snapshot.card, standing: podsBehind(target), silent: isSilent(verdict) }, applied);
  if (applied.replaced.length > 0) return { requeueAfterMs: 0 };
  const waits = await settle(planned, applied, snapshot, edges);

  const failed = applied.policyFailure ?? applied.markFailures[0];
  if (failed !== undefined) throw new Error(failed);
  const due = Math.min((planned.next ?? Infinity) - edges.now(), waits ?? Infinity);
  return Number.isFinite(due) ? { requeueAfterMs: Math.max(0, due) } : {};
}
