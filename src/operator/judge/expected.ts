import type { Parsed } from '@agentcard-operator/spiffe/x509';
import { parseSpiffeId, parseTrustDomain } from '@agentcard-operator/spiffe/x509';
import type { AgentCardSpec } from '../api/agentcard.ts';

export const defaultTemplate =
  'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}';

/** The names of a ClusterSPIFFEID template that a workload's own template decides. */
export interface TemplateValues {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const action = /\{\{-?\s*(.*?)\s*-?\}\}/g;

/** Fills in a template of ClusterSPIFFEID's kind; an unknown name is an error, not an empty text. */
export function renderSpiffeId(template: string, values: TemplateValues): Parsed<string> {
  const known: Readonly<Record<string, string>> = {
    '.TrustDomain': values.trustDomain,
    '.PodMeta.Namespace': values.namespace,
    '.PodSpec.ServiceAccountName': values.serviceAccount,
  };
  const unknown = [...template.matchAll(action)].map((match) => match[1] ?? '').find((name) => !(name in known));
  if (unknown !== undefined) {
    const names = Object.keys(known).join(', ');
    return { ok: false, error: { code: 'TemplateUnknownName', message: `{{ ${unknown} }} is not one of ${names}` } };
  }
  const text = template.replace(action, (_, name: string) => known[name] ?? '');
  const id = parseSpiffeId(text);
  return id.ok ? { ok: true, value: id.value.uri } : id;
}

/**
 * The SPIFFE IDs of which the agent must prove one: those that the card allows, else the workload's own by the
 * template, in the card's trust domain where it names one.
 */
export function expectedIds(spec: AgentCardSpec, template: string, values: TemplateValues): Parsed<readonly string[]> {
  const allowed = spec.identityBinding?.allowedSpiffeIDs;
  if (allowed !== undefined && allowed.length > 0) return { ok: true, value: [...allowed].sort() };
  const named = spec.identityBinding?.trustDomain?.toLowerCase() ?? values.trustDomain;
  const trustDomain = parseTrustDomain(named);
  if (!trustDomain.ok) return trustDomain;
  const id = renderSpiffeId(template, { ...values, trustDomain: named });
  return id.ok ? { ok: true, value: [id.value] } : id;
}
