import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { autoCardName, fitName, policyName, signedCardName } from '../../../../src/operator/api/labels.ts';

const dnsName = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$/);

describe('names', () => {
  test('are those by which scripts know the objects', () => {
    expect(policyName({ kind: 'Deployment', name: 'weather' })).toBe('weather-signature-policy');
    expect(policyName({ kind: 'StatefulSet', name: 'weather' })).toBe('weather-statefulset-signature-policy');
    expect(autoCardName({ kind: 'Deployment', name: 'weather' })).toBe('weather-deployment-card');
    expect(signedCardName({ name: 'weather' })).toBe('weather-card-signed');
  });

  test('short ones stay as they are', () => {
    fc.assert(fc.property(dnsName, (name) => fitName(name.slice(0, 63)) === name.slice(0, 63)));
  });

  test('every one fits a label value and a DNS name', () => {
    fc.assert(
      fc.property(dnsName, fc.constantFrom('Deployment', 'StatefulSet', 'Sandbox'), (name, kind) => {
        for (const made of [policyName({ kind, name }), autoCardName({ kind, name })]) {
          expect(made).toMatch(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/);
        }
      }),
    );
  });

  test('long names that differ only past the cut stay apart', () => {
    const long = 'a'.repeat(200);
    expect(fitName(`${long}b`)).not.toBe(fitName(`${long}c`));
  });
});
