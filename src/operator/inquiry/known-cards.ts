import { sha256 } from '@agentcard-operator/agentcard';
import { ok } from '@agentcard-operator/spiffe/x509';
import type { ReceivedCard } from './evidence.ts';
import { type ReceiveContext, receiveCard, rejudge } from './receive.ts';

/**
 * {@link receiveCard} for a pod whose card came `before`: the same bytes are read once, and no signature is verified twice. Its
 * verdict ages with its certificate and the bundles, so it is judged each time.
 */
export async function receiveKnown(body: Uint8Array, before: ReceivedCard | undefined, context: ReceiveContext) {
  const again = before && sha256(body) === before.digest ? judgedAgain(before, context) : undefined;
  return again === undefined || again.signature?.unread ? receiveCard(body, context) : ok(again);
}

/** Undefined for a card that came from elsewhere, or when signatures counted and do so no more, or the other way round. */
function judgedAgain(card: ReceivedCard, context: ReceiveContext): ReceivedCard | undefined {
  const { signatures: rules } = context;
  const counted = card.signature !== undefined;
  if (card.source !== context.source || counted !== (rules !== undefined)) return undefined;
  return rules === undefined ? card : rejudge(card, rules, context);
}
