import { expect, test } from 'vitest';
import { kindSchema, type Schema } from '../../../tools/generate/crd.ts';

/** Of these the API server has words of its own. */
const standard = ['.apiVersion', '.kind', '.metadata'];

function undescribed({ properties = {}, items }: Schema, path: string): string[] {
  const own = Object.entries(properties as Record<string, Schema>).flatMap(([name, field]) => [
    ...(field.description ? [] : [`${path}.${name}`]),
    ...undescribed(field, `${path}.${name}`),
  ]);
  return items === undefined ? own : [...own, ...undescribed(items as Schema, `${path}[]`)];
}

test('every field of the kind says what it is', () => {
  expect(undescribed(kindSchema(), '')).toEqual(standard);
});
