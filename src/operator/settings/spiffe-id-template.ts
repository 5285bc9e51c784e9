import { parseSpiffeId, type Result } from '@agentcard-operator/spiffe/x509';

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
export function renderSpiffeId(template: string, values: TemplateValues): Result<string> {
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
