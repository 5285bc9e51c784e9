import { keyOf } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { plainText } from '../../operator/api/budget.ts';
import type { Row } from './view.ts';

/** Characters of a message that a table shows. */
const longestShown = 300;

export function shown(text: unknown, most = longestShown): string {
  if (typeof text !== 'string') return '';
  const characters = [...plainText(text.slice(0, most * 4))];
  return characters.length <= most ? characters.join('') : `${characters.slice(0, most - 1).join('')}…`;
}

export function rowOf(card: AgentCard): Row {
  const { metadata, spec, status = {} } = card;
  const { conditions = [], heldSince, identityExpiresAt, signedUntil, lastSyncTime } = status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  const verified = conditions.find(({ type }) => type === 'Verified');
  const turned = [ready, verified].map((one) => one?.lastTransitionTime ?? '');
  const changed = [...turned, lastSyncTime ?? ''].sort().at(-1);
  const { kind = '', name = '' } = spec.targetRef ?? {};
  return {
    key: keyOf(card),
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    agent: shown(status.agentName, 63),
    workload: `${kind} ${name}`.trim(),
    ready: ready?.status ?? 'Unknown',
    reason: shown(ready?.reason ?? 'NotJudgedYet', 64),
    message: shown(ready?.message ?? 'The operator has not judged this card yet.'),
    quarantined: ready?.reason === 'Quarantined',
    heldSince: heldSince ?? null,
    // A certificate's end reaches the status with a hold, or with a new signature; without either it is an old one.
    endsAt: (heldSince === undefined ? undefined : identityExpiresAt) ?? signedUntil ?? null,
    changedAt: changed || (metadata.creationTimestamp ?? ''),
    version: metadata.resourceVersion ?? '',
  };
}
