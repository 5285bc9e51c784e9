import { marks } from '../../src/operator/api/marks.ts';
import { generatedNotice } from './yaml-text.ts';

/** The chart's label guard goes by the same list as the operator: names as JSON, which CEL reads as well. */
export function markFiles(): [string, string][] {
  const define = (name: string, names: object) =>
    `{{- define "agentcard-operator.${name}" }}${JSON.stringify(Object.keys(names))}{{ end }}\n`;
  const text = define('markLabels', marks.labels) + define('markAnnotations', marks.annotations);
  return [['charts/agentcard-operator/templates/_marks.tpl', `{{- /* ${generatedNotice} */}}\n${text}`]];
}
