import { permissions } from '../../src/kube/permissions.ts';
import { generatedNotice, templateBody, yamlText } from './yaml-text.ts';

const head = (name: string, labels: string) =>
  `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: ${name}\n${labels}`;

/** The operator's ClusterRole as a manifest and as a template of the chart; each rule carries its reason. */
export function rbacFiles(): [string, string][] {
  const chartHead = head(
    '{{ include "agentcard-operator.fullname" . }}',
    '  labels:\n    {{- include "agentcard-operator.labels" . | nindent 4 }}\n',
  );
  return [
    ['config/rbac/role.yaml', `# ${generatedNotice}\n${head('agentcard-operator', '')}${rules()}`],
    [
      'charts/agentcard-operator/templates/clusterrole.yaml',
      `# ${generatedNotice}\n${chartHead}${templateBody(rules())}`,
    ],
  ];
}

function rules(): string {
  const items = permissions.map(({ reason, ...rule }) => {
    const [first = '', ...rest] = yamlText(rule).trimEnd().split('\n');
    return [`  # ${reason}`, `  - ${first}`, ...rest.map((line) => `    ${line}`)].join('\n');
  });
  return `rules:\n${items.join('\n')}\n`;
}
