import manifest from '../../package.json' with { type: 'json' };
import { kindNames } from '../../src/operator/api/kind.ts';
import { valueTable } from './values.ts';
import { generatedNotice, yamlText } from './yaml-text.ts';

const { group, version: kindVersion, kind, plural } = kindNames;
const crdName = `${plural}.${group}`;

export async function chartFiles(): Promise<[string, string][]> {
  return [
    ['charts/agentcard-operator/Chart.yaml', definition()],
    ['charts/agentcard-operator/README.md', await readme()],
  ];
}

function definition(): string {
  const { version, description, license } = manifest;
  const crd = {
    kind,
    version: kindVersion,
    name: crdName,
    displayName: kind,
    description: 'An A2A agent, what it says it can do, and whether its own workload serves and signs that',
  };
  const spec = {
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' },
    identityBinding: { strict: true },
  };
  const example = { apiVersion: `${group}/${kindVersion}`, kind, metadata: { name: 'weather' }, spec };
  const chart = {
    apiVersion: 'v2',
    name: 'agentcard-operator',
    description,
    type: 'application',
    version,
    appVersion: version,
    // The rules of the kind compare with stored objects, which older API servers cannot.
    kubeVersion: '>=1.30.0-0',
    keywords: ['a2a', 'agent', 'spiffe', 'spire', 'networkpolicy'],
    annotations: {
      'artifacthub.io/category': 'security',
      'artifacthub.io/license': license,
      'artifacthub.io/operator': 'true',
      'artifacthub.io/operatorCapabilities': 'Deep Insights',
      'artifacthub.io/crds': yamlText([crd]),
      'artifacthub.io/crdsExamples': yamlText([example]),
    },
  };
  return `# ${generatedNotice}\n${yamlText(chart)}`;
}

/** The page that registries of charts show: what it is, how it is installed, upgraded and removed, and every value. */
async function readme(): Promise<string> {
  return `<!-- ${generatedNotice} -->\n\n${text}${await valueTable()}`;
}

const text = `# agentcard-operator

Proves which workload serves and signs an A2A AgentCard, and enforces the verdict in Kubernetes. Needs Kubernetes 1.30 or newer
and helm 3.17 or newer.

## Install

\`\`\`sh
helm install agentcard-operator <chart> --namespace agentcard-system --create-namespace \\
  --set image.repository=<where your cluster pulls the image from> \\
  --set verifiedFetch.enabled=true --set verifiedFetch.trustDomain=<your trust domain>
helm test agentcard-operator --namespace agentcard-system
\`\`\`

\`<chart>\` is \`charts/agentcard-operator\` of a checkout, or the address of a released chart, which knows its image: leave
\`image.repository\` out then. Without \`verifiedFetch\` and \`signatureVerification\` cards are listed, and nothing is said about trust. What
the installation prints says what to do next.

As a dependency of another chart:

\`\`\`yaml
dependencies:
  - name: agentcard-operator
    version: 0.x
    repository: <of the chart>
    condition: agentcard-operator.enabled
\`\`\`

## Upgrade

\`\`\`sh
helm upgrade agentcard-operator <chart> --namespace agentcard-system --reset-then-reuse-values
\`\`\`

This keeps what you set and takes the new chart's defaults for all else. The AgentCard kind is upgraded with it.

## Uninstall

\`\`\`sh
helm uninstall agentcard-operator --namespace agentcard-system
\`\`\`

A Job takes labels, annotations and NetworkPolicies of the operator off the cluster first. The kind and the AgentCards stay;
\`kubectl delete crd ${crdName}\` removes both.

## Values

What is not here is refused.

`;
