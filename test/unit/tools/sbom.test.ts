import { expect, test } from 'vitest';
import { packageOf } from '../../../tools/sbom.ts';

test.each([
  ['node_modules/zod/v4/core/parse.js', 'node_modules/zod'],
  ['node_modules/@grpc/grpc-js/build/src/index.js', 'node_modules/@grpc/grpc-js'],
  ['node_modules/a/node_modules/@b/c/index.js', 'node_modules/a/node_modules/@b/c'],
  ['src/operator/main.ts', undefined],
])('%s belongs to %s', (file, place) => {
  expect(packageOf(file)).toBe(place);
});
