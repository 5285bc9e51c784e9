import { PERMISSIONS, type Permission } from '../../src/kube/permissions.ts';
import { generatedNotice, templateBody, yamlText } from './yaml-text.ts';

interface Naming {
  readonly name: string;
  /** Lines below metadata.name. */
  readonly labels: string;
}

const manifest: Naming = { name: 'agentcard-operator', labels: '' };
const template: Naming = {
  name: '{{ include "agentcard-operator.fullname" . }}',
  labels: '  labels:\n    {{- include "agentcard-operator.labels" . | nindent 4 }}\n',
};

/** The operator's ClusterRole, and its Role in its own namespace, as manifests and as templates of the chart. */
export function rbacFiles(): [string, string][] {
  return [
    ['config/rbac/roles.yaml', roles(manifest)],
    ['charts/agentcard-operator/templates/roles.yaml', roles(template)],
  ];
}

function roles(naming: Naming): string {
  const own = PERMISSIONS.filter(({ scope }) => scope === 'own');
  const wide = PERMISSIONS.filter(({ scope }) => scope !== 'own');
  return `# ${generatedNotice}\n${role('ClusterRole', naming, wide)}---\n${role('Role', naming, own)}`;
}

function role(kind: string, { name, labels }: Naming, permissions: readonly Permission[]): string {
  const head = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${labels}`;
  return `${head}rules:\n${templateBody(permissions.map(rule).join(''))}`;
}

/** Each rule carries its reason, for the person who reviews the role. */
function rule({ group, resources, names, verbs, reason }: Permission): string {
  const only = names === undefined ? {} : { resourceNames: names };
  const [first = '', ...rest] = yamlText({ apiGroups: [group], resources, ...only, verbs })
    .trimEnd()
    .split('\n');
  return [`  # ${reason}`, `  - ${first}`, ...rest.map((line) => `    ${line}`), ''].join('\n');
}
