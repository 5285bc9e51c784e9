import { kindNames, printerColumns } from '../../src/operator/api/kind.ts';
import { kindSchema, type Schema } from './crd.ts';
import { code, markdownTable } from './markdown.ts';

export function kindName(): string {
  const { group, version, kind, plural, shortNames, categories } = kindNames;
  const known = `short name ${shortNames.map(code).join(', ')}, category ${categories.map(code).join(', ')}`;
  return `Kind ${code(kind)} of ${code(`${group}/${version}`)}, namespaced; kubectl knows it as ${code(plural)}, ${known}.\n`;
}

export const specTable = () => fieldTable('spec');
export const statusTable = () => fieldTable('status');

/** The schema from which the CRD is made, a row for each field. */
function fieldTable(part: 'spec' | 'status'): string {
  const rows = fieldsOf(part).map(([path, schema, isRequired]) => {
    const preset = schema.default === undefined ? '' : ` Default: ${code(String(schema.default))}.`;
    return [
      code(path),
      typeOf(schema),
      `${isRequired && part === 'spec' ? 'Required. ' : ''}${schema.description}${preset}`,
    ];
  });
  return markdownTable(['Field', 'Type', 'What it is'], rows);
}

export function columnTable(): string {
  const rows = printerColumns.map(({ name, jsonPath, ...more }) => {
    return [name, code(jsonPath), 'priority' in more && more.priority === 1 ? 'wide' : ''];
  });
  return markdownTable(['Column', 'Field', ''], rows);
}

export const fieldsOf = (part: 'spec' | 'status') => fieldsBelow(propertiesOf(kindSchema())[part] ?? {}, part);

export type Field = readonly [path: string, schema: Schema, isRequired: boolean];

function fieldsBelow(schema: Schema, path: string): Field[] {
  const required = (schema.required ?? []) as readonly string[];
  return Object.entries(propertiesOf(schema)).flatMap(([name, property]) => {
    const own = `${path}.${name}`;
    const items = property.items as Schema | undefined;
    const below = items === undefined ? fieldsBelow(property, own) : fieldsBelow(items, `${own}[]`);
    return [[own, property, required.includes(name)] as const, ...below];
  });
}

function typeOf({ type, items, enum: choices, format }: Schema): string {
  if (Array.isArray(choices)) return choices.map((choice) => code(String(choice))).join(', ');
  if (format === 'date-time') return 'time';
  if (type === 'array') return `list of ${typeOf(items as Schema)}s`;
  return String(type);
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  return (schema.properties ?? {}) as Readonly<Record<string, Schema>>;
}
