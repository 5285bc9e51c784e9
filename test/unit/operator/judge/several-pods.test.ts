import { expect, test } from 'vitest';
import { tell } from '../reconcile/scenario.ts';

test('of two silent pods the one whose evidence still counts speaks, whatever their names are', () => {
  const silentFor = (minutes: number) => ({
    answers: { source: 'http' as const, signature: { outcome: 'untrusted' as const } },
    silent: { minutes },
  });
  const settings = { mtls: false, signature: true };
  for (const [first, second] of [
    [silentFor(10), silentFor(0)],
    [silentFor(0), silentFor(10)],
  ] as const) {
    const told = tell({ settings, pods: { 'weather-0': first, 'weather-1': second } });
    const condition = told.plan.status?.fields.conditions?.find(({ type }) => type === 'SignatureVerified');
    expect(condition?.reason).toBe('SignerUntrusted');
  }
});
