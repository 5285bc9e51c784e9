import { agentTypeLabel, agentTypeValue, apiGroup, protocolLabelPrefix } from '../../src/operator/api/labels.ts';
import { marks } from '../../src/operator/api/marks.ts';
import { spokenProtocol } from '../../src/operator/workload/workload.ts';
import { neededValues } from './values-schema.ts';
import { generatedNotice } from './yaml-text.ts';

const define = (name: string, text: string) => `{{- define "agentcard-operator.${name}" }}${text}{{ end }}\n`;
const template = (name: string, ...defined: string[]): [string, string] => [
  `charts/agentcard-operator/templates/${name}`,
  `{{- /* ${generatedNotice} */}}\n${defined.join('')}`,
];

/** The chart's label guard goes by the same list as the operator: names as JSON, which CEL reads as well. */
export function markFiles(): [string, string][] {
  const names = (of: object) => JSON.stringify(Object.keys(of));
  return [
    template(
      '_marks.tpl',
      define('markLabels', names(marks.labels)),
      define('markAnnotations', names(marks.annotations)),
    ),
    template('_needed.tpl', define('neededValues', JSON.stringify(neededValues()))),
    template(
      '_names.tpl',
      define('apiGroup', apiGroup),
      define('typeLabel', `${agentTypeLabel}=${agentTypeValue}`),
      define('protocolLabel', `${protocolLabelPrefix}${spokenProtocol}`),
    ),
  ];
}
