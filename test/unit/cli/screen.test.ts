import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { jsonText, painted, wantsColor } from '../../../src/cli/screen.ts';
import { nameOf, serialized, table } from '../../../src/cli/table.ts';
import { drawTree } from '../../../src/cli/tree.ts';
import { resources } from '../../../src/kube/objects.ts';

test.each([
  ['a terminal gets colour', true, {}, true],
  ['a pipe gets none', false, {}, false],
  ['a terminal whose user declined gets none', true, { NO_COLOR: '1' }, false],
  ['an empty NO_COLOR declines nothing', true, { NO_COLOR: '' }, true],
  ['a terminal that cannot show it gets none', true, { TERM: 'dumb' }, false],
])('%s', (_, isTerminal, env, wanted) => {
  expect(wantsColor(isTerminal, env)).toBe(wanted);
});

test('colour changes how a text looks, never what it says', () => {
  const text =
    'VERIFIED SignatureValid: good\n  fail    signature  bad\n└─ ✗ server-identity: other\n├─ Ready True ReadyToServe\n';
  expect(painted(text, false)).toBe(text);
  expect(painted(text, undefined)).toBe(text);
  const colored = painted(text, true);
  expect(colored.split('\u001b[').length - 1).toBe(8);
  expect(stripVTControlCharacters(colored)).toBe(text);
});

test('no text that others chose draws a row, moves the cursor or hides on a terminal', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('\t', '\n', '\u001b[2J', '\u009b1m', '\u202e', '\u200b'),
      (a, b) => {
        const text = `<${a}${b}${a}>`;
        const strange = /[^\n\P{C}]|[\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
        const drawn = [
          table(['A', 'B'], [[text, text]]),
          drawTree({ text: 'card', below: [{ text }] }),
          jsonText({ [text]: text }),
        ];
        expect(drawn.map((each) => each.trimEnd().split('\n').length)).toEqual([2, 2, 3]);
        for (const each of drawn) expect(each).not.toMatch(strange);
        expect(JSON.parse(jsonText(text))).toBe(text);
      },
    ),
  );
});

test('a table has columns as kubectl writes them, without trailing blanks', () => {
  expect(
    table(
      ['NAME', 'WHAT'],
      [
        ['a', 'one'],
        ['longer', ''],
      ],
    ),
  ).toBe('NAME     WHAT\na        one\nlonger\n');
});

test('names and documents are those that other tools read', () => {
  expect(nameOf(resources.deployments, 'a')).toBe('deployment.apps/a');
  expect(nameOf(resources.pods, 'a')).toBe('pod/a');
  expect(serialized('yaml', [{ a: 'off', b: undefined }])).toBe('- a: "off"\n');
  expect(serialized('json', [])).toBe('[]\n');
});

test.each(['1.1', '1.2'] as const)('whatever is written as YAML is read as the same by YAML %s', (version) => {
  const value = fc.jsonValue({ depthSize: 'small', stringUnit: 'binary' });
  fc.assert(
    fc.property(value, (written) => {
      expect(JSON.stringify(parse(serialized('yaml', written), { version }))).toBe(JSON.stringify(written));
    }),
  );
});

test('no control character of a text gets through YAML to a terminal', () => {
  expect(serialized('yaml', ['\u001b[31m', '\u009b2J', '\u007f', '\r'])).not.toMatch(/(?!\n)\p{Cc}/u);
});
