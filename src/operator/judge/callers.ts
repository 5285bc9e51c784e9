import { parseSpiffeId } from '@agentcard-operator/spiffe/x509';
import type { AgentCardStatus } from '../api/agentcard.ts';
import { withinBudget } from '../api/budget.ts';
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
  // Each caller is looked at once, however often it is named.
  const known = new Map<string, Caller>();
  const callerNamed = (one: CallerReference) => {
    const name = JSON.stringify(one);
    const caller = known.get(name) ?? callerOf(one, snapshot, settings);
    known.set(name, caller);
    return caller;
  };
  const named = lists.map((list) => list.map(callerNamed));
  const [first = new Set<string>(), ...others] = named.map((list) => new Set(list.flatMap(({ ids }) => ids)));
  const ids = [...first].filter((id) => others.every((other) => other.has(id))).sort();
  const may = new Set(ids);
  const all = new Map(named.flat().map((one) => [one.who, one]));
  const listed = [...all.values()].map((one): Caller => {
    if (one.why !== undefined) return one;
    const allowed = one.ids.filter((id) => may.has(id));
    if (allowed.length > 0) return { ...one, ids: allowed };
    return { ...one, why: 'Not every AgentCard of this workload lists it.' };
  });
  return { listed, ids, unknown: [...all.values()].filter(({ why }) => why !== undefined) };
}

const elsewhere = 'It is not there, cannot be read, or demands what no agent can meet.';

function callerOf(reference: CallerReference, snapshot: Listing, settings: Settings): Caller {
  const { agentCard, serviceAccount, spiffeID = '' } = reference;
  const home = snapshot.card.metadata.namespace ?? '';
  if (agentCard !== undefined) {
    const { namespace = home, name } = agentCard;
    const caller = agentOf(`${namespace}/${name}`, snapshot, settings);
    // Whoever writes a list reads what is said of it, and need not have rights where its callers are.
    return caller.why === undefined || namespace === home ? caller : { ...caller, why: elsewhere };
  }
  if (serviceAccount !== undefined) return accountOf({ namespace: home, ...serviceAccount }, settings);
  const id = parseSpiffeId(spiffeID);
  return id.ok ? { who: spiffeID, ids: [id.value.uri] } : { who: spiffeID, ids: [], why: 'It is no SPIFFE ID.' };
}

/** Whoever runs under a service account. */
function accountOf(
  { namespace = '', name }: NonNullable<CallerReference['serviceAccount']>,
  settings: Settings,
): Caller {
  const { trustDomain, spiffeIdTemplate, namespaces } = settings;
  const who = `ServiceAccount ${namespace}/${name}`;
  if (namespaces.length > 0 && !namespaces.includes(namespace))
    return { who, ids: [], why: 'Its namespace is not watched.' };
  const id = renderSpiffeId(spiffeIdTemplate, { trustDomain, namespace, serviceAccount: name });
  return id.ok ? { who, ids: [id.value] } : { who, ids: [], why: 'No SPIFFE ID can be made of it.' };
}

/** Who proves what the AgentCard's own agent must prove. */
function agentOf(key: string, { agentNamed }: Listing, settings: Settings): Caller {
  const unknown = (why: string): Caller => ({ who: `AgentCard ${key}`, ids: [], why });
  const agent = agentNamed(key);
  if (agent === undefined) return unknown('It is not there, or in a namespace that is not watched.');
  // Which identity an agent must prove all its cards decide, and only that one sees them.
  if (agent.winner !== undefined) return unknown(`AgentCard ${agent.winner.metadata.name} stands for its workload.`);
  if (agent.workload === undefined) return unknown('Its workload is not there, or cannot be read.');
  const demanded = demandedOf(agent, agent.workload, settings);
  if (typeof demanded === 'string') return unknown(demanded);
  if (demanded.expected.length === 0) return unknown('Nothing says which identity it must prove.');
  return { who: `AgentCard ${key}`, ids: demanded.expected };
}

/** CallersEnforced: whether packets are held to the lists; what holds them is what Enforced tells of. */
export function callersOutcome(
  callers: Callers | undefined,
  enforced: Outcome<EnforcedReason> | undefined,
  isTrusted: boolean,
): Outcome<CallersReason> | undefined {
  if (callers === undefined || enforced === undefined) return undefined;
  if (!enforced.ok && enforced.reason !== 'Audit') return { ...enforced, reason: 'NotEnforceable' };
  const { listed, unknown } = callers;
  const [first] = unknown;
  const more = unknown.length > 1 ? ` ${unknown.length - 1} more are unknown too.` : '';
  const lost = first === undefined ? '' : `${first.who}: ${first.why}${more}`;
  const count = isTrusted ? listed.filter(({ why }) => why === undefined).length : 0;
  const but = count === 0 ? '' : ` but those listed (${count}), while they are verified`;
  if (!enforced.ok) return no('Audit', `If enforced, no agent could call${but}. ${lost}`.trim());
  if (lost !== '') return no('CallerUnknown', lost);
  return { ok: true, reason: 'Enforced', message: `No agent may call${but}.` };
}

const mostShown = 4;
/** Bytes of what names a caller, and characters of all that is shown of one status: the rest stands in lists and policy. */
const longestName = 256;
const longestShown = 16_384;

export function callersShown({ listed }: Callers): NonNullable<AgentCardStatus['callers']> {
  let room = longestShown;
  return listed.slice(0, mostCallers).map(({ who, ids, why }) => {
    const shown = ids.slice(0, mostShown).filter((id) => {
      room -= id.length;
      return room >= 0;
    });
    const named = { who: withinBudget(who, longestName) };
    return { ...named, ...(shown.length === 0 ? {} : { ids: shown }), ...(why === undefined ? {} : { why }) };
  });
}
