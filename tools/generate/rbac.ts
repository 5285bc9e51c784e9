import { cleanupPermissions, operatorPermissions, type Permission } from '../../src/operator/api/permissions.ts';
import { generatedNotice, templateBody, yamlText } from './yaml-text.ts';

interface Naming {
  readonly name: string;
  /** Lines below metadata.name. */
  readonly more?: string;
}

const fullname = '{{ include "agentcard-operator.fullname" $ }}';
const labels = '  labels:\n    {{- include "agentcard-operator.labels" $ | nindent 4 }}\n';
const inNamespace = '  namespace: {{ $namespace }}\n';

const own = operatorPermissions.filter(({ scope }) => scope === 'own');
const wide = operatorPermissions.filter(({ scope }) => scope !== 'own');
const watched = operatorPermissions.filter(({ scope }) => scope === undefined);
const also = (where: Permission['also']) => operatorPermissions.filter((permission) => permission.also === where);
/** BUNDLE stands for the name, which only the template knows. */
const bundle: Permission = {
  group: '',
  resources: ['configmaps'],
  names: ['BUNDLE'],
  verbs: ['get', 'list', 'watch'],
  reason: 'The trust bundle.',
};

/** The operator's roles as manifests for the whole cluster, and as templates of the chart, also for single namespaces. */
export function rbacFiles(): [string, string][] {
  const manifest = { name: 'agentcard-operator' };
  return [
    ['config/rbac/roles.yaml', file(role('ClusterRole', manifest, wide), role('Role', manifest, own))],
    ['charts/agentcard-operator/templates/roles.yaml', file(clusterRole(), namespacedRoles(), ownRole())],
    ['charts/agentcard-operator/templates/cleanup-roles.yaml', file(cleanupRoles())],
  ];
}

function file(...parts: readonly string[]): string {
  return `# ${generatedNotice}\n${parts.join('---\n')}`;
}

function clusterRole(): string {
  const whole = role('ClusterRole', { name: fullname, more: labels }, wide);
  return `{{- if not (include "agentcard-operator.namespaces" .) }}\n${whole}{{- end }}\n`;
}

/** One Role in each watched namespace, one in each of the API server's and DNS, one for a trust bundle. */
function namespacedRoles(): string {
  const named = (suffix: string) => ({ name: `${fullname}-${suffix}`, more: inNamespace + labels });
  const each = (list: string, body: string) =>
    `{{- range $namespace := splitList "," (include "agentcard-operator.${list}" .) }}\n---\n${body}{{- end }}\n`;
  return [
    '{{- if include "agentcard-operator.namespaces" . }}\n',
    each('namespaces', role('Role', named('agents'), watched)),
    each('infrastructure', role('Role', named('cluster'), also('infrastructure'))),
    '{{- with include "agentcard-operator.bundle" . | fromJson }}\n{{- if .name }}{{- $bundle := . }}{{- $namespace := .namespace }}\n---\n',
    role('Role', named('bundle'), [bundle]).replace('BUNDLE', '{{ $bundle.name }}'),
    '{{- end }}\n{{- end }}\n{{- end }}\n',
  ].join('');
}

function ownRole(): string {
  const only = also('own');
  const extra = `{{- if include "agentcard-operator.namespaces" . }}\n${templateBody(only.map(rule).join(''))}{{- end }}\n`;
  return role('Role', { name: fullname, more: labels }, own) + extra;
}

/** Of the hook that cleans up before the chart is uninstalled. */
function cleanupRoles(): string {
  const name = '{{ include "agentcard-operator.hookName" (list $ "cleanup") }}';
  const hook = (weight: number) => `{{- include "agentcard-operator.cleanupMeta" (list $ ${weight}) | nindent 2 }}\n`;
  const there = cleanupPermissions.filter(({ scope }) => scope === undefined);
  const here = cleanupPermissions.filter(({ scope }) => scope === 'own');
  return [
    '{{- if .Values.cleanup.enabled }}\n',
    '{{- $namespaces := include "agentcard-operator.namespaces" . }}\n{{- if not $namespaces }}\n',
    role('ClusterRole', { name, more: hook(-2) }, there),
    '{{- else }}\n{{- range $namespace := splitList "," $namespaces }}\n---\n',
    role('Role', { name: `${name}-agents`, more: inNamespace + hook(-2) }, there),
    '{{- end }}\n{{- end }}\n---\n',
    role('Role', { name, more: hook(-2) }, here),
    '{{- end }}\n',
  ].join('');
}

function role(kind: string, { name, more = '' }: Naming, permissions: readonly Permission[]): string {
  const head = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${more}`;
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
