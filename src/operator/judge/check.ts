import type { Check } from '../api/agentcard.ts';

/** What the check `transport` saw where the Service has no port for mutual TLS. */
export const plainHttp = 'plain HTTP';

type Details = Pick<Check, 'expected' | 'observed' | 'hint'>;

export function pass(name: string, details: Details): Check {
  return { name, result: 'pass', ...details };
}

export function fail(name: string, details: Details): Check {
  return { name, result: 'fail', ...details };
}

export function skipped(name: string): Check {
  return { name, result: 'skipped' };
}
