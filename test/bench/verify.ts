/** What one card costs: verification with a known and an unknown chain, and the worst that a hostile card can do. */

import type { JsonObject } from '../../src/agentcard/document/json.ts';
import { parseCardDocument } from '../../src/agentcard/document/parse.ts';
import { publishCard } from '../../src/agentcard/document/publish.ts';
import { cardId } from '../../src/agentcard/forms/canonical.ts';
import { defaultForms } from '../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../src/agentcard/signature/known-chains.ts';
import { signCard } from '../../src/agentcard/signature/sign.ts';
import { type VerifiedCard, verifyCard } from '../../src/agentcard/signature/verify.ts';
import type { TrustDomain } from '../../src/spiffe/id.ts';
import type { BundleSet } from '../../src/spiffe/x509/bundle.ts';
import { bundle, intermediate, root, svid } from '../pki/mint.ts';
import { hostileCards } from './hostile-cards.ts';

const authority = root('a.test');
const between = intermediate(authority, 'a.test');
const leaf = svid(between, 'spiffe://a.test/ns/team1/sa/agent');
const now = new Date();

/** Milliseconds of CPU in all threads, since signatures are verified off this one; medians of a warm process. */
export interface VerificationCost {
  readonly cardBytes: number;
  readonly knownChain: number;
  readonly coldChain: number;
  readonly worstHostile: { readonly name: string; readonly milliseconds: number };
}

export async function measureVerification(rounds = 25): Promise<VerificationCost> {
  const bytes = Buffer.from(JSON.stringify(await sign(usualCard())));
  const knownChains = new KnownChains(1);
  const bundles = newBundles();
  const known = () => verify(bytes, bundles, knownChains);
  const cold = () => {
    // Authorities are read once per bundle, and this one has never been used.
    const fresh = newBundles();
    return () => verify(bytes, fresh);
  };
  await median(rounds, () => known);
  await median(rounds, cold);
  const hostile: VerificationCost['worstHostile'][] = [];
  for (const [name, card] of hostileCards()) {
    const text = Buffer.from(JSON.stringify(await sign(card)));
    hostile.push({ name, milliseconds: await median(5, () => () => receive(text, bundles, knownChains), 1) });
  }
  return {
    cardBytes: bytes.length,
    knownChain: await median(rounds, () => known),
    coldChain: await median(rounds, cold),
    worstHostile: hostile.reduce((worst, each) => (each.milliseconds > worst.milliseconds ? each : worst)),
  };
}

function newBundles(): BundleSet {
  return new Map([['a.test' as TrustDomain, bundle('a.test', authority)]]);
}

async function verify(bytes: Uint8Array, bundles: BundleSet, knownChains?: KnownChains): Promise<VerifiedCard> {
  const card = parseCardDocument(bytes);
  if (!card.ok) throw new Error(card.error.message);
  const chains = knownChains === undefined ? {} : { knownChains };
  const evidence = await verifyCard({ card: card.value.raw, bundles, now, forms: defaultForms, ...chains });
  if (evidence.outcome !== 'valid') throw new Error(evidence.message);
  return evidence;
}

/** All that the operator does with the bytes of a card. */
async function receive(bytes: Uint8Array, bundles: BundleSet, knownChains: KnownChains): Promise<void> {
  const { good, payloads } = await verify(bytes, bundles, knownChains);
  const signed: JsonObject = JSON.parse(payloads.get(good?.payloadSha256 ?? '') ?? '{}');
  publishCard(signed);
  cardId(signed);
}

/** Steps are measured in batches, since the system counts time in coarse ticks. */
async function median(rounds: number, prepare: () => () => Promise<unknown>, batch = 25): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const steps = Array.from({ length: batch }, prepare);
    const before = process.cpuUsage();
    for (const step of steps) await step();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000 / batch);
  }
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
}

async function sign(card: JsonObject): Promise<JsonObject> {
  const signed = await signCard(card, { key: leaf.privateKey, chain: [leaf.der, between.der] });
  if (!signed.ok) throw new Error(signed.error.message);
  return signed.value;
}

/** About 20 KiB, as a large agent would serve it. */
function usualCard(): JsonObject {
  const skills = Array.from({ length: 61 }, (_, index) => ({
    id: `skill-${index}`,
    name: `Skill ${index}`,
    description: 'Answers one kind of question about the world, with sources and a confidence. '.repeat(2),
    tags: ['search', 'sources'],
    examples: ['What is the weather in Utrecht?', 'And tomorrow?'],
  }));
  return {
    name: 'Bench',
    description: 'A card of the usual shape',
    version: '1.0.0',
    supportedInterfaces: [{ url: 'https://bench.demo.svc', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills,
  };
}

export async function printVerification(): Promise<void> {
  const { cardBytes, knownChain, coldChain, worstHostile } = await measureVerification();
  console.log(`verify a card of ${cardBytes} bytes, known chain: ${knownChain.toFixed(2)} ms (limit 1 ms)`);
  console.log(`verify a card of ${cardBytes} bytes, cold chain:  ${coldChain.toFixed(2)} ms (limit 2 ms)`);
  const { name, milliseconds } = worstHostile;
  console.log(`parse, verify, publish the worst hostile card (${name}): ${milliseconds.toFixed(1)} ms (limit 50 ms)`);
}

if (import.meta.main) await printVerification();
