import { readFile } from 'node:fs/promises';
import { isMap, isScalar, type Node, parseDocument, type YAMLMap } from 'yaml';
import { code, markdownTable } from './markdown.ts';
import { valuesSchema } from './values-schema.ts';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Every value of the chart: its default and comment from values.yaml, its description from the schema. */
export async function valueTable(): Promise<string> {
  const rows = (await chartValues()).map(([name, preset, what]) => [
    code(name),
    preset === '' ? '' : code(preset),
    what,
  ]);
  return markdownTable(['Value', 'Default', 'What it does'], rows);
}

type Value = readonly [name: string, preset: string, what: string];

export async function chartValues(): Promise<readonly Value[]> {
  const { contents } = parseDocument(await readFile('charts/agentcard-operator/values.yaml', 'utf8'));
  if (!isMap<Node, Node>(contents)) throw new Error('values.yaml is no map');
  return valuesBelow(contents, JSON.parse(valuesSchema()) as Schema, '');
}

function valuesBelow(map: YAMLMap<Node, Node>, schema: Schema, path: string): Value[] {
  return map.items.flatMap(({ key, value }, index) => {
    const name = String(isScalar(key) ? key.value : key);
    const described = schema.properties?.[name] ?? {};
    // The comment of a map's first entry is the map's.
    const comment = index === 0 && path !== '' ? map.commentBefore : key.commentBefore;
    const what = joined(described.description, name === 'config' ? undefined : prose(comment));
    const isGroup = isMap<Node, Node>(value) && described.properties !== undefined && value.items.length > 0;
    const preset = isGroup ? '' : String(value);
    const below = isGroup ? valuesBelow(value, described, `${path}${name}.`) : [];
    return isGroup && what === '' ? below : [[`${path}${name}`, preset, what], ...below];
  });
}

/** The paragraph right above a value; one further up is about the file. */
function prose(comment: string | null | undefined): string | undefined {
  const paragraph = comment?.split(/\n\s*\n/).at(-1);
  return paragraph?.replaceAll(/\s+/g, ' ').trim();
}

/** What the comment says beyond the description. */
function joined(description = '', comment = ''): string {
  const more = comment.split(/(?<=\.) (?=[A-Z"])/).filter((sentence) => !description.includes(sentence));
  return [description, ...more].join(' ').trim();
}
