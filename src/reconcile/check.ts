import type { Check } from '../api/agentcard.ts';

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
