import { expect, test } from 'vitest';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { readConfig } from '../../../../src/operator/settings/config.ts';
import { verificationOf } from '../../../../src/operator/watch/served-kind.ts';

function firstLine(...args: string[]): string {
  const read = readConfig(args, { POD_NAMESPACE: 'agentcard-system' });
  if ('problems' in read) throw new Error(read.problems.join('\n'));
  const lines: string[] = [];
  createLogger({ format: 'text', write: (line) => lines.push(line) }).info('verifies', verificationOf(read.config));
  return lines.join('').replace(/^\S+ /, '');
}

test('one line says which identity verification is on, and of which trust domain', () => {
  expect(firstLine()).toBe(
    'info  verifies mutualTLS=false signatures=false trustDomain="" strictBinding=true enforcement=off\n',
  );
  const spiffe = ['--trust-domain=example.org', '--spiffe-endpoint-socket=unix:///s', '--strict-binding=floor'];
  expect(firstLine(...spiffe, '--enable-verified-fetch', '--enforcement=enforce')).toBe(
    'info  verifies mutualTLS=true signatures=false trustDomain=example.org strictBinding=floor enforcement=enforce\n',
  );
  expect(firstLine(...spiffe, '--enable-signature-verification', '--enforcement=audit')).toBe(
    'info  verifies mutualTLS=false signatures=true trustDomain=example.org strictBinding=floor enforcement=audit\n',
  );
});
