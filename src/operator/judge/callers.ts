import { parseSpiffeId } from '@agentcard-operator/spiffe/x509';
import type { AgentCardStatus } from '../api/agentcard.ts';
import { type CallerReference, mostCallers } from '../api/callers.ts';
import type { CallersReason, EnforcedReason } from '../api/conditions.ts';
import type { Settings } from '../settings/settings.ts';
import { renderSpiffeId } from '../settings/spiffe-id-template.ts';
import { no, type Outcome } from './conditions.ts';
import { demandedOf } from './demanded.ts';
import type { Snapshot, Target } from './snapshot.ts';

/** Whom a list names, and what that one must prove. */
interface Caller {
  /** As people write it. */
  readonly who: string;
  readonly ids: readonly string[];
  /** Why it may not call. */
  readonly why?: string;
}

/** Who may call an agent. */
export interface Callers {
  readonly listed: readonly Caller[];
  /** SPIFFE IDs of which a verified caller must have proven one. */
  readonly ids: readonly string[];
  /** Those of the listed that nothing is known of. */
  readonly unknown: readonly Caller[];
}

type Listing = Pick<Snapshot, 'card' | 'agentNamed'>;

/** By each list; undefined where every verified agent may call. A caller that is not verified wears no mark, so that it is none. */
export function callersOf(snapshot: Listing, target: Pick<Target, 'callers'>, settings: Settings): Callers | undefined {
  const { callers: own } = snapshot.card.spec;
  const lists = target.callers ?? (own && [own]);
  if (lists === undefined) return undefined;
  const named = lists.map((list) => list.map((one) => callerOf(one, snapshot, settings)));
  const [first = new Set<string>(), ...others] = named.map((list) => new Set(list.flatMap(({ ids }) => ids)));
  const ids = [...first].filter((id) => others.every((other) => other.has(id))).sort();
  const may = new Set(ids);
  const all = new Map(named.flat().map((one) => [one.who, one]));
  const listed = [...all.values()].map((one): Caller => {
    const isElsewhere = one.why === undefined && !one.ids.some((id) => may.has(id));
    return isElsewhere ? { ...one, why: 'Not every AgentCard of this workload lists it.' } : one;
  });
  return { listed, ids, unknown: [...all.values()].filter(({ why }) => why !== undefined) };
}

function callerOf(reference: CallerReference, snapshot: Listing, settings: Settings): Caller {
  const { agentCard, serviceAccount, spiffeID = '' } = reference;
  const home = snapshot.card.metadata.namespace ?? '';
  if (agentCard !== undefined) return agentOf(`${agentCard.namespace ?? home}/${agentCard.name}`, snapshot, settings);
  if (serviceAccount !== undefined) {
    const { namespace = home, name } = serviceAccount;
    const { trustDomain, spiffeIdTemplate } = settings;
    const id = renderSpiffeId(spiffeIdTemplate, { trustDomain, namespace, serviceAccount: name });
    const who = `ServiceAccount ${namespace}/${name}`;
    return id.ok ? { who, ids: [id.value] } : { who, ids: [], why: 'No SPIFFE ID can be made of it.' };
  }
  const id = parseSpiffeId(spiffeID);
  return id.ok ? { who: spiffeID, ids: [id.value.uri] } : { who: spiffeID, ids: [], why: 'It is no SPIFFE ID.' };
}

/** Who proves what the AgentCard's own agent must prove. */
function agentOf(key: string, { agentNamed }: Listing, settings: Settings): Caller {
  const who = `AgentCard ${key}`;
  const agent = agentNamed(key);
  if (agent === undefined) return { who, ids: [], why: 'It is not there, or in a namespace that is not watched.' };
  if (agent.workload === undefined) return { who, ids: [], why: 'Its workload is not there.' };
  const demanded = demandedOf(agent, agent.workload, settings);
  if (typeof demanded === 'string') return { who, ids: [], why: demanded };
  if (demanded.expected.length === 0) return { who, ids: [], why: 'Nothing says which identity it must prove.' };
  return { who, ids: demanded.expected };
}

/** CallersEnforced: whether packets are held to the lists; what holds them is what Enforced tells of. */
export function callersOutcome(
  callers: Callers | undefined,
  enforced: Outcome<EnforcedReason> | undefined,
): Outcome<CallersReason> | undefined {
  if (callers === undefined || enforced === undefined) return undefined;
  const { listed, unknown } = callers;
  if (!enforced.ok && enforced.reason !== 'Audit') return { ...enforced, reason: 'NotEnforceable' };
  const [first] = unknown;
  if (first !== undefined) {
    const more = unknown.length > 1 ? ` ${unknown.length - 1} more are unknown too.` : '';
    return no('CallerUnknown', `${first.who}: ${first.why}${more}`);
  }
  const count = listed.filter(({ why }) => why === undefined).length;
  const but = count === 0 ? '' : ` but those listed (${count}), while they are verified`;
  if (!enforced.ok) return no('Audit', `If enforced, no agent could call${but}.`);
  return { ok: true, reason: 'Enforced', message: `No agent may call${but}.` };
}

const mostShown = 4;
/** Characters of all that is shown of one status: what is left out stands in the lists and in the policy. */
const longestShown = 16_384;

export function callersShown({ listed }: Callers): NonNullable<AgentCardStatus['callers']> {
  let room = longestShown;
  return listed.slice(0, mostCallers).map(({ who, ids, why }) => {
    const shown = ids.slice(0, mostShown).filter((id) => {
      room -= id.length;
      return room >= 0;
    });
    return { who, ...(shown.length === 0 ? {} : { ids: shown }), ...(why === undefined ? {} : { why }) };
  });
}
