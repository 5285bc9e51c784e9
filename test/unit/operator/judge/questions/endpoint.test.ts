import { expect, test } from 'vitest';
import { endpoint } from '../../../../../src/operator/judge/questions/endpoint.ts';
import { answers } from '../../kit/answers.ts';
import { service } from '../../kit/builders.ts';
import type { Given } from '../../kit/given.ts';

const other = { ...service, metadata: { ...service.metadata, name: 'other' } };
const stranger = { stranger: 'ReplicaSet evil' };

test('a Service that leads to pods of the workload alone passes', () => {
  expect(answers(endpoint, {})).toEqual([{ result: 'pass', observed: 'Service weather' }]);
});

test('nothing is asked of the way to a workload that is not there', () => {
  expect(answers(endpoint, { workload: null })).toEqual([{ result: 'skipped' }]);
});

test.each<[string, Given, 'ServiceNotFound' | 'AmbiguousService' | 'WorkloadNotReady']>([
  ['no Service', { services: [] }, 'ServiceNotFound'],
  [
    'two Services of which none is named like it',
    { workload: { name: 'rain' }, services: [service, other] },
    'AmbiguousService',
  ],
  ['a Service without pods', { pods: {} }, 'WorkloadNotReady'],
])('%s is absence: it fails with its own reason', (_, given, reason) => {
  const [answer] = answers(endpoint, given);
  expect(answer?.result).toBe('fail');
  expect(answer?.effect).toBe(endpoint.decides[reason]);
  expect(answer?.hint).not.toBe('');
});

test('a pod of something else beside ours is named, and decides nothing', () => {
  const pods = { 'weather-0': { answers: {} }, 'weather-1': stranger, 'weather-2': stranger };
  expect(answers(endpoint, { pods })).toEqual([
    {
      result: 'pass',
      expected: 'pods of Deployment weather only',
      observed: 'Service weather also leads to pod weather-1 of ReplicaSet evil and 1 more',
      hint: "Narrow the Service's selector.",
    },
  ]);
});

test('how many endpoints are neither asked nor trusted is said, and an agent of any number is decided', () => {
  const pods = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`weather-${i}`, {}]));
  expect(answers(endpoint, { pods })).toEqual([
    { result: 'pass', observed: 'Service weather; 52 endpoints past the first 2048 are not asked, nor trusted' },
  ]);
});

test('where only pods of something else stand behind the Service, the workload is not ready', () => {
  const [answer] = answers(endpoint, { pods: { 'weather-0': stranger } });
  expect(answer?.result).toBe('fail');
  expect(answer?.effect).toBe(endpoint.decides.strangers);
  expect(answer?.says).toBe('Only other pods stand behind Service weather.');
});
