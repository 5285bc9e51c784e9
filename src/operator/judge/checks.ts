import type { Check } from '../api/agentcard.ts';
import { bindingRemedy, remedy } from '../api/conditions.ts';
import { fail, pass, plainHttp, skipped } from './check.ts';
import type { Findings } from './evaluate.ts';
import { syncedOutcome } from './outcomes.ts';
import { knownCardIds } from './published.ts';
import { signatureChecks } from './signature-checks.ts';
import type { ResolvedTarget } from './snapshot.ts';
import { isUnfit, provenId } from './standing.ts';

/** Every question, in the order in which the answers build on each other; all are answered, not only the first failure. */
export function checksOf(findings: Findings): readonly Check[] {
  const { target } = findings;
  if (!target.resolved) return unresolvedChecks(findings);
  return [
    pass('workload', { observed: `${target.workload.kind} ${target.workload.name}` }),
    endpointCheck(findings, target),
    transportCheck(findings, target),
    serverIdentityCheck(findings, target),
    ...signatureChecks(findings),
    approvalCheck(findings),
    replicasCheck(findings),
  ];
}

const later = ['transport', 'server-identity', 'signature', 'signer-identity', 'signer-is-server', 'replicas'] as const;

function unresolvedChecks(findings: Findings): readonly Check[] {
  const { target } = findings;
  if (target.resolved) return [];
  const failure = { observed: target.message, hint: remedy('Synced', target.reason) };
  const found = target.absent;
  const own =
    found === undefined
      ? [fail('workload', failure), skipped('endpoint')]
      : [pass('workload', { observed: `${found.kind} ${found.name}` }), fail('endpoint', failure)];
  return [...own, ...later.map((name) => skipped(name)), approvalCheck(findings)];
}

function endpointCheck({ pods }: Findings, target: ResolvedTarget): Check {
  const strangers = pods.flatMap(({ endpoint, standing }) =>
    standing.kind === 'stranger' ? [`pod ${endpoint.podName} of ${standing.owner}`] : [],
  );
  const own = pods.length - strangers.length;
  const [first] = strangers;
  if (first === undefined) return pass('endpoint', { observed: `Service ${target.service}` });
  const more = strangers.length > 1 ? ` and ${strangers.length - 1} more` : '';
  return {
    name: 'endpoint',
    result: own === 0 ? 'fail' : 'pass',
    expected: `pods of ${target.workload.kind} ${target.workload.name} only`,
    observed: `Service ${target.service} also leads to ${first}${more}`,
    hint: "Narrow the Service's selector.",
  };
}

function transportCheck({ pods, settings }: Findings, target: ResolvedTarget): Check {
  if (!settings.mtls) return skipped('transport');
  const { agentTlsPortName: port } = settings;
  const expected = `SPIFFE mutual TLS on Service port ${port}`;
  if (target.transport === 'http') {
    const hint = `Add a Service port named ${port} behind which the agent serves its card over mutual TLS.`;
    return fail('transport', { expected, observed: plainHttp, hint });
  }
  const negative = pods.find(({ standing }) => standing.kind === 'negative' && standing.attested === undefined);
  if (negative?.standing.kind === 'negative') {
    return fail('transport', {
      expected,
      observed: negative.standing.message,
      hint: bindingRemedy(negative.standing.reason, settings),
    });
  }
  if (pods.some((pod) => provenId(pod) !== undefined)) return pass('transport', { observed: 'mutual TLS' });
  const silence = pods.find(({ evidence }) => evidence?.silence !== undefined)?.evidence?.silence;
  return { name: 'transport', result: 'unknown', expected, observed: silence?.message ?? 'not asked yet' };
}

function serverIdentityCheck(findings: Findings, target: ResolvedTarget): Check {
  const { settings, pods } = findings;
  if (!settings.mtls) return skipped('server-identity');
  const expected = target.expected.join(' or ');
  const seen = pods.flatMap((pod) => {
    const id = provenId(pod);
    if (id !== undefined) return [{ ok: target.expected.includes(id), id }];
    const { standing } = pod;
    return standing.kind === 'negative' && isUnfit(standing) ? [{ ok: false, id: claim(standing.claimed) }] : [];
  });
  const wrong = seen.find(({ ok }) => !ok);
  if (wrong !== undefined) {
    const hint = bindingRemedy('SpiffeIDMismatch', settings);
    return fail('server-identity', { expected, observed: wrong.id, hint });
  }
  const [right] = seen;
  if (right !== undefined) return pass('server-identity', { expected, observed: right.id });
  return { name: 'server-identity', result: 'unknown', expected, observed: 'no identity' };
}

function claim(id: string | undefined): string {
  return id === undefined ? 'no identity that can be proven' : `claims ${id}`;
}

function approvalCheck(findings: Findings): Check {
  const expected = findings.snapshot.card.spec.approvedCardId;
  if (expected === undefined) return skipped('approval');
  const known = knownCardIds(findings);
  const other = known.find((cardId) => cardId !== expected);
  if (other !== undefined) {
    return fail('approval', { expected, observed: other, hint: remedy('Verified', 'CardNotApproved') });
  }
  return known.length > 0
    ? pass('approval', { expected })
    : { name: 'approval', result: 'unknown', expected, observed: 'no card' };
}

function replicasCheck(findings: Findings): Check {
  const synced = syncedOutcome(findings);
  if (synced.reason !== 'ReplicasDisagree') return pass('replicas', {});
  return fail('replicas', { observed: synced.message, hint: remedy('Synced', 'ReplicasDisagree') });
}
