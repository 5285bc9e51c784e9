/** The names under which the Go operator has been released, spelled out: what is tested must not come from its own table. */
export type Project = 'kagenti' | 'rossoctl';

export interface Left {
  readonly namespace: string;
  /** Of the workload. */
  readonly name: string;
  /** The Deployment's, for a card that was created for it; without it somebody wrote the card. */
  readonly ownerUid?: string;
}

const admission = 'admissionregistration.k8s.io/v1';
const guardName = 'agent-label-protection';
const typeLabel = (project: Project) => `${project}.io/type`;
export const verifiedBy = (project: Project) => ({ [`agent.${project}.dev/signature-verified`]: 'true' });
export const cardNameOf = ({ name, ownerUid }: Left) => (ownerUid === undefined ? name : `${name}-deployment-card`);

/** Its kind, as far as a migration meets it: the defaults that it stores, and nothing checked of syncPeriod. */
export function cardKind(project: Project): object {
  const text = { type: 'string' };
  const object = (properties: object) => ({ type: 'object', properties });
  const spec = object({
    syncPeriod: { ...text, default: '30s' },
    targetRef: { ...object({ apiVersion: text, kind: text, name: text }), required: ['apiVersion', 'kind', 'name'] },
    identityBinding: object({ trustDomain: text, strict: { type: 'boolean', default: false } }),
    sigstoreVerification: object({ certificateIdentity: text, certificateOIDCIssuer: text }),
  });
  const openAPIV3Schema = object({ spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } });
  const version = { name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `agentcards.agent.${project}.dev` },
    spec: {
      group: `agent.${project}.dev`,
      scope: 'Namespaced',
      names: { kind: 'AgentCard', listKind: 'AgentCardList', plural: 'agentcards', singular: 'agentcard' },
      versions: [{ ...version, schema: { openAPIV3Schema } }],
    },
  };
}

export function cardOf(project: Project, left: Left): object {
  const { namespace, name, ownerUid } = left;
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
  const owner = { ...targetRef, uid: ownerUid, controller: true, blockOwnerDeletion: true };
  const created = { labels: { 'app.kubernetes.io/managed-by': `${project}-operator` }, ownerReferences: [owner] };
  const own = `agentcard.${project}.dev`;
  return {
    apiVersion: `agent.${project}.dev/v1alpha1`,
    kind: 'AgentCard',
    metadata: {
      name: cardNameOf(left),
      namespace,
      finalizers: [`${own}/finalizer`, `${own}/network-policy`],
      ...(ownerUid === undefined ? {} : created),
    },
    spec: { syncPeriod: '30s', targetRef, identityBinding: { strict: false } },
  };
}

/** What it wrote into the workload and its template. */
export function markedWorkload(project: Project, left: Left): object {
  const own = `agentcard.${project}.dev`;
  const state = `verified-state.agent.${project}.dev/${cardNameOf(left)}`;
  const annotations = { [`${own}/resign-trigger`]: '2026-01-01T00:00:00Z' };
  return {
    metadata: { annotations: { [state]: 'true', [`${own}/bundle-hash`]: 'abc' } },
    spec: { template: { metadata: { labels: verifiedBy(project), annotations } } },
  };
}

/** The permissive policy: every label of the template in its selector, all egress. Its manager's label has no domain. */
export function policyOf(project: Project, left: Left): object {
  const verified = verifiedBy(project);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: {
      name: `${left.name}-signature-policy`,
      namespace: left.namespace,
      labels: {
        'managed-by': `${project}-operator`,
        [`${project}.dev/agentcard`]: cardNameOf(left),
        [`${project}.dev/policy-type`]: 'identity-verification',
      },
    },
    spec: {
      podSelector: { matchLabels: { app: left.name, ...verified } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: { matchLabels: verified } }] }],
      egress: [{}],
    },
  };
}

/** Nobody but the operator sets the label of the type on workloads; in the namespace alone, not to meet other tests. */
export function labelGuard(project: Project, namespace: string): readonly object[] {
  const label = typeLabel(project);
  const labelled = `has(object.metadata.labels) && '${label}' in object.metadata.labels`;
  const same = `request.operation == 'UPDATE' && has(oldObject.metadata.labels) && '${label}' in oldObject.metadata.labels`;
  const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'] };
  const resourceRules = [{ ...rule, resources: ['deployments', 'statefulsets'] }];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  return [
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: guardName },
      spec: {
        matchConstraints: { resourceRules, namespaceSelector },
        validations: [{ expression: `!(${labelled}) || (${same})`, message: `only the operator sets ${label}` }],
      },
    },
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: guardName },
      spec: { policyName: guardName, validationActions: ['Deny'] },
    },
  ];
}

/** Its webhook, whose Service went with it: every change of a card is refused until it goes as well. */
export function orphanedWebhook(project: Project): object {
  const service = { name: 'gone', namespace: 'gone', path: '/validate', port: 443 };
  const rule = { apiVersions: ['v1alpha1'], operations: ['CREATE', 'UPDATE'], resources: ['agentcards'] };
  return {
    apiVersion: admission,
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: `${project}-validating-webhook-configuration` },
    webhooks: [
      {
        name: 'vagentcard.kb.io',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        timeoutSeconds: 1,
        failurePolicy: 'Fail',
        clientConfig: { service },
        rules: [{ ...rule, apiGroups: [`agent.${project}.dev`] }],
      },
    ],
  };
}
