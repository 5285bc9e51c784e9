import type { Check } from '../api/agentcard.ts';
import { remedy } from '../api/conditions.ts';
import { fail, pass, skipped } from './check.ts';
import type { Findings } from './evaluate.ts';
import { signatureOutcome } from './published.ts';
import { provenId } from './standing.ts';

/** Whether the card's signature holds, who made it, and whether that is who serves the card. */
export function signatureChecks(findings: Findings): readonly Check[] {
  const verdict = signatureOutcome(findings);
  if (verdict === undefined) return [skipped('signature'), skipped('signer-identity'), skipped('signer-is-server')];
  const { outcome, finding } = verdict;
  const details = { expected: 'a signature with an x5c chain to a trust bundle', observed: outcome.message };
  const proves = finding?.outcome === 'expired' || finding?.outcome === 'untrusted' || finding === undefined;
  const signature = outcome.ok
    ? pass('signature', { observed: outcome.message })
    : proves
      ? { name: 'signature', result: 'unknown' as const, ...details, hint: remedy('SignatureVerified', outcome.reason) }
      : fail('signature', { ...details, hint: remedy('SignatureVerified', outcome.reason) });
  return [signature, ...signerChecks(findings, outcome.ok ? finding?.signer : undefined)];
}

function signerChecks({ target, pods }: Findings, signer: string | undefined): readonly Check[] {
  if (signer === undefined) return [skipped('signer-identity'), skipped('signer-is-server')];
  const expected = target.expected.join(' or ');
  const identity = target.expected.includes(signer)
    ? pass('signer-identity', { expected, observed: signer })
    : fail('signer-identity', { expected, observed: signer, hint: remedy('Bound', 'SignerIsNotServer') });
  const servers = pods.flatMap((pod) => provenId(pod) ?? []);
  const [server] = servers;
  if (server === undefined) return [identity, skipped('signer-is-server')];
  const other = servers.find((id) => id !== signer);
  const same =
    other === undefined
      ? pass('signer-is-server', { expected: signer, observed: server })
      : fail('signer-is-server', { expected: signer, observed: other, hint: remedy('Bound', 'SignerIsNotServer') });
  return [identity, same];
}
