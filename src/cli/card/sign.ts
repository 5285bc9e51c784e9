import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type SigningIdentity, signCard } from '@agentcard-operator/agentcard';
import { type Command, exit, Trouble } from '../command.ts';
import { jsonText } from '../screen.ts';
import { readCard, readTextFile } from './input.ts';

const pemBytes = 256 * 1024;

export const sign: Command = {
  name: 'sign',
  summary: 'Sign a card with an X509-SVID and print it',
  operands: ['<card.json|url|->'],
  options: {
    key: { value: '<file>', doc: 'private key of the X509-SVID, PEM', required: true },
    chain: { value: '<file>', doc: 'X509-SVID and its intermediates, leaf first, PEM', required: true },
  },
  notes: [
    'The card is signed as it is, over RFC 8785; earlier signatures stay in it.',
    'Exit status: 0 signed, 1 the card or the certificate cannot be used for this, 2 wrong usage or unreadable input.',
  ],
  examples: ['sign card.json --key svid.key --chain svid.pem > signed-agent-card.json'],
  run: async (invocation, io) => {
    const identity = {
      key: await readKey(invocation.option('key') ?? ''),
      chain: await readChain(invocation.option('chain') ?? ''),
    };
    const card = await readCard(invocation.operands[0] ?? '', io);
    const signed = card.ok ? await signCard(card.value.raw, identity, io.now()) : card;
    if (!signed.ok) {
      io.err(`not signed: ${signed.error.code}: ${signed.error.message}\n`);
      return exit.refused;
    }
    io.out(jsonText(signed.value));
    return exit.ok;
  },
};

async function readKey(path: string): Promise<KeyObject> {
  const pem = await readTextFile(path, pemBytes);
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's words may quote the key.
    throw new Trouble(`--key ${path}: no unencrypted private key in PEM`);
  }
}

async function readChain(path: string): Promise<SigningIdentity['chain']> {
  const pem = await readTextFile(path, pemBytes);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const [leaf, ...issuers] = blocks.map((block) => new X509Certificate(block).raw);
    if (leaf !== undefined) return [leaf, ...issuers];
  } catch {
    // Said below.
  }
  throw new Trouble(`--chain ${path}: no certificates in PEM`);
}
