import { bindingRemedy, blockedRemedies } from '../../api/conditions.ts';
import type { Silence } from '../../inquiry/evidence.ts';
import { meshAdvice } from '../../workload/mesh.ts';
import { type Answer, type Demands, type PodQuestion, sentence, skipped } from '../question.ts';
import type { Refusal, Sight } from '../sight.ts';

const decides = {
  plain: { weight: 'absence', Verified: 'NotVerified' },
  silent: { weight: 'absence', Synced: 'FetchFailed', Verified: 'FetchFailed' },
  unreadable: { weight: 'absence', Synced: 'CardInvalid', Verified: 'FetchFailed' },
  unproven: { weight: 'guilt', Synced: 'FetchFailed', Bound: 'NoIdentity', Verified: 'IdentityMismatch' },
  foreign: { weight: 'guilt', Synced: 'FetchFailed', Bound: 'TrustDomainMismatch', Verified: 'IdentityMismatch' },
} as const;

export const transport = {
  name: 'transport',
  about: 'pod',
  asks: 'Does the pod answer with a card, over SPIFFE mutual TLS where that is on?',
  decides,
  ask: (pod, demands) => throughMesh(asked(pod, demands), pod, demands),
} as const satisfies PodQuestion;

function asked(pod: Sight, demands: Demands): Answer {
  const { settings, target } = demands;
  const { shown, silence, refusal, lapsed } = pod;
  if (refusal !== undefined) return refused(refusal, demands);
  if (settings.mtls && target.resolved && target.transport === 'http') return plain(pod, demands);
  const expected = settings.mtls ? { expected: wanted(demands) } : {};
  if (silence !== undefined) {
    return { result: 'unknown', ...expected, observed: silence.message, ...silent(silence) };
  }
  if (!settings.mtls) return skipped;
  if (shown === undefined || lapsed) return { result: 'unknown', ...expected, observed: 'not asked yet' };
  return { result: 'pass', observed: 'mutual TLS' };
}

/** Whatever came of it: a mesh that lets the operator pass today does not where its own settings become stricter. */
function throughMesh(answer: Answer, { endpoint }: Sight, { target }: Demands): Answer {
  const advice = target.resolved ? meshAdvice(target.mesh, endpoint.port) : undefined;
  if (advice === undefined) return answer;
  const hint = answer.hint === undefined ? advice : `${answer.hint} ${advice}`;
  const isSilent = answer.effect === decides.silent && answer.todo === undefined;
  return { ...answer, hint, ...(isSilent ? { todo: advice } : {}) };
}

/** What is seen where the Service has no port for mutual TLS. */
export const plainHttp = 'plain HTTP';

function wanted({ settings }: Demands): string {
  return `SPIFFE mutual TLS on Service port ${settings.agentTlsPortName}`;
}

function silent({ reason, message, blocked }: Silence): Partial<Answer> {
  const effect = reason === 'CardInvalid' ? decides.unreadable : decides.silent;
  const says = sentence(message);
  return { effect, says, ...(blocked === undefined ? {} : { todo: blockedRemedies[blocked] }) };
}

/** That there is no TLS port is no pod's guilt, whatever comes over HTTP. */
function plain({ shown, silence }: Sight, demands: Demands): Answer {
  const { agentTlsPortName: port, require } = demands.settings;
  const hint = `Add a Service port named ${port} behind which the agent serves its card over mutual TLS.`;
  const seen = { result: 'fail', expected: wanted(demands), observed: plainHttp, hint } as const;
  if (silence !== undefined) return { ...seen, ...silent(silence) };
  const served = require.includes('mtls')
    ? 'The card did not come over mutual TLS, which is required.'
    : 'The card came over plain HTTP: nothing proves who served it.';
  return { ...seen, effect: decides.plain, says: shown ? served : `The Service has no port named ${port}.` };
}

function refused({ code, message, claimedId }: Refusal, demands: Demands): Answer {
  const { wanted: ids } = demands.target;
  const claims = claimedId === undefined ? '' : ` It claims ${claimedId}.`;
  const expects = ids === '' ? '' : ` Expected ${ids}.`;
  const says = `${sentence(message)}${claims}${expects}`;
  const effect = code === 'TrustDomainMismatch' ? decides.foreign : decides.unproven;
  const hint = bindingRemedy(effect.Bound, demands.settings);
  return { result: 'fail', expected: wanted(demands), observed: says, hint, effect, says };
}
