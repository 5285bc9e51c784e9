import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { signCard } from '../../../src/agentcard/signature/sign.ts';
import { pemOf, root, svid } from '../../pki/mint.ts';

const repository = new URL('../../../', import.meta.url).pathname;
const readme = readFileSync(join(repository, 'src/agentcard/README.md'), 'utf8');
const [, example = ''] = /```js\n(.*?)```/s.exec(readme) ?? [];

/** Runs the example as a module of this project. */
function run(...args: readonly string[]) {
  const options = { cwd: repository, input: example, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, ['--input-type=module', '-', ...args], options);
}

test('the example of the README says who signed a card, and fails for one that was changed', async () => {
  const authority = root('a.test');
  const leaf = svid(authority, 'spiffe://a.test/ns/team/sa/weather');
  const plain = { name: 'Weather', version: '1', url: 'https://weather.test' };
  const signed = await signCard(plain, { key: leaf.privateKey, chain: [leaf.der] });
  if (!signed.ok) throw new Error(signed.error.message);
  const folder = mkdtempSync(join(tmpdir(), 'agentcard-readme-'));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const bundle = file('bundle.pem', pemOf(authority));
  const good = run(file('card.json', JSON.stringify(signed.value)), bundle, 'a.test');
  expect(good.stderr).toBe('');
  expect(good.stdout).toBe('Weather is signed by spiffe://a.test/ns/team/sa/weather\n');
  const bad = run(file('changed.json', JSON.stringify({ ...signed.value, name: 'Other' })), bundle, 'a.test');
  expect(bad.status).toBe(1);
  expect(bad.stderr).toContain('the signature does not match the card');
});
