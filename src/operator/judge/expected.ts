import { parseTrustDomain, type Result } from '@agentcard-operator/spiffe/x509';
import type { AgentCardSpec } from '../api/agentcard.ts';
import { renderSpiffeId, type TemplateValues } from '../settings/spiffe-id-template.ts';

/**
 * The SPIFFE IDs of which the agent must prove one: those that the card allows, else the workload's own by the
 * template, in the card's trust domain where it names one.
 */
export function expectedIds(spec: AgentCardSpec, template: string, values: TemplateValues): Result<readonly string[]> {
  const allowed = spec.identityBinding?.allowedSpiffeIDs;
  if (allowed !== undefined && allowed.length > 0) return { ok: true, value: [...allowed].sort() };
  const named = spec.identityBinding?.trustDomain?.toLowerCase() ?? values.trustDomain;
  const trustDomain = parseTrustDomain(named);
  if (!trustDomain.ok) return trustDomain;
  const id = renderSpiffeId(template, { ...values, trustDomain: named });
  return id.ok ? { ok: true, value: [id.value] } : id;
}
