import type { Condition } from '@agentcard-operator/kube/objects';
import type { Check } from '../../operator/api/agentcard.ts';
import { type ConditionType, reasons, remedy } from '../../operator/api/conditions.ts';
import { type Branch, drawTree } from '../tree.ts';
import type { Reach, Way } from './forecast.ts';

export interface Explanation extends Reach {
  readonly card: string;
  readonly workload: string | null;
  readonly conditions: readonly Condition[];
  readonly checks: readonly Check[];
  /** off, audit, enforce, or quarantine. */
  readonly mode: string;
  readonly policy: string | null;
  readonly notes: readonly string[];
}

/** `tlsPort`: what the operator calls the Service port for mutual TLS. */
export function explanationText(explanation: Explanation, width?: number, tlsPort?: string): string {
  const { card, workload, conditions, checks, notes } = explanation;
  const known =
    conditions.length === 0 ? [{ text: 'nothing is known yet: the operator has not judged this card' }] : [];
  const below = [
    ...known,
    ...conditions.map((condition) => conditionBranch(condition, tlsPort)),
    ...(checks.length === 0 ? [] : [{ text: 'checks', below: checks.map(checkBranch) }]),
    networkBranch(explanation),
    ...notes.map((text) => ({ text: `note: ${text}` })),
  ];
  const text = `AgentCard ${card}${workload === null ? '' : `: ${workload}`}`;
  return `${drawTree({ text, below }, width)}\n`;
}

function conditionBranch(condition: Condition, tlsPort?: string): Branch {
  const { type, status, reason } = condition;
  const { said, todo } = toldApart(condition, tlsPort);
  return {
    text: `${type} ${status} ${reason}`,
    below: [{ text: said }, ...(todo === '' ? [] : [{ text: `what to do: ${todo}` }])],
  };
}

/** What was seen, and what to do about it; the latter empty where a message says itself what to do in its case. */
export function toldApart({ type, reason, message }: Condition, tlsPort?: string) {
  // A card of the Go operator may have conditions that are not ours.
  const todo = Object.hasOwn(reasons, type) ? remedy(type as ConditionType, reason, tlsPort) : '';
  const isTold = todo !== '' && message.endsWith(todo);
  return isTold ? { said: message.slice(0, -todo.length).trim(), todo } : { said: message, todo: '' };
}

const signs: Readonly<Record<Check['result'], string>> = { pass: '✓', fail: '✗', unknown: '?', skipped: '-' };

function checkBranch({ name, result, expected, observed, hint }: Check): Branch {
  const sides = [
    expected === undefined ? [] : [`expected ${expected}`],
    observed === undefined ? [] : [observed],
  ].flat();
  const text = `${signs[result]} ${name}${sides.length === 0 ? '' : `: ${sides.join('; ')}`}`;
  return hint === undefined ? { text } : { text, below: [{ text: `what to do: ${hint}` }] };
}

export function networkBranch({ mode, policy, callers, reaches }: Explanation): Branch {
  const list = (title: string, ways: readonly Way[]): Branch[] => {
    if (ways.length === 0) return [];
    const lines = gathered(ways);
    const shown = lines.slice(0, longestList).map((text) => ({ text }));
    const rest = lines.length - shown.length;
    return [{ text: title, below: [...shown, ...(rest > 0 ? [{ text: `and ${rest} more` }] : [])] }];
  };
  const is = (now: Way['now'], ways: readonly Way[]) => ways.filter((way) => way.now === now);
  const closing = (ways: readonly Way[]) => ways.filter((way) => way.now === 'open' && way.enforced === 'closed');
  const name = policy === null ? '' : ` by NetworkPolicy ${policy}`;
  return {
    text: `network: ${mode}${name}`,
    below: [
      ...list('may call it', is('open', callers)),
      ...list('may not call it', is('closed', callers)),
      ...list('it may reach', is('open', reaches)),
      ...list('it may not reach', is('closed', reaches)),
      ...list('enforcing would close it to', closing(callers)),
      ...list('enforcing would keep it from', closing(reaches)),
    ],
  };
}

const longestList = 30;

/** Of a long list, the workloads of each namespace together. */
function gathered(ways: readonly Way[]): string[] {
  if (ways.length <= longestList) return ways.map(wayText);
  return [...Map.groupBy(ways, ({ who }) => who.split('/', 1)[0] ?? who)].flatMap(([namespace, some]) => {
    if (some.length === 1) return some.map(wayText);
    const pods = some.reduce((sum, way) => sum + way.pods, 0);
    return `${namespace}/… (${new Set(some.map(({ who }) => who)).size} workloads, ${pods} pods)`;
  });
}

function wayText({ who, pods, verified, now, by, list }: Way): string {
  const facts = [
    pods > 1 ? [`${pods} pods`] : [],
    verified ? ['verified'] : [],
    list === null ? [] : [list],
    now === 'closed' && by !== null ? [`by ${by}`] : [],
  ];
  const told = facts.flat().join(', ');
  return told === '' ? who : `${who} (${told})`;
}
