import { stringify } from 'yaml';

export const generatedNotice = "Written by 'make generate'; edit its source instead.";

export function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** YAML as the body of a helm template; helm would take braces of ours for its own. */
export function templateBody(yaml: string): string {
  if (yaml.includes('{{'))
    throw new Error('a generated object contains {{, which a chart template cannot hold as it is');
  return yaml;
}
