// Runs a verifier over every vector and prints those where it disagrees: node run.mjs <command> [arguments before "verify"]
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [command, ...before] = process.argv.slice(2);
if (command === undefined) {
  console.error('usage: node run.mjs <command that has the subcommand "verify">');
  process.exit(2);
}
const here = (path) => new URL(path, import.meta.url).pathname;
const { vectors, bundle, trustDomain, spiffeId } = JSON.parse(readFileSync(here('manifest.json'), 'utf8'));
const trust = ['--bundle', here(bundle), '--trust-domain', trustDomain, '--spiffe-id', spiffeId];
const wrong = vectors.filter(({ file, verified }) => {
  const { status } = spawnSync(command, [...before, 'verify', here(file), ...trust], { stdio: 'ignore' });
  return status !== (verified ? 0 : 1);
});
for (const { name, verified, about } of wrong) console.log(`${name}: expected ${verified ? 'verified' : 'refused'} (${about})`);
console.log(`${vectors.length - wrong.length} of ${vectors.length} agree`);
process.exit(wrong.length === 0 ? 0 : 1);
