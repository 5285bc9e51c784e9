import { expect, test } from 'vitest';
import { figuresOf, overLimit } from '../../bench/compare/figures.ts';
import { parametersFrom } from '../../bench/parameters.ts';
import type { ColdStart, Phase, Report } from '../../bench/report.ts';

const phase: Phase = {
  ...{ seconds: 100, cpuSeconds: 2, rssMiB: 90, peakMiB: 100, heapMiB: 20, reconciles: 10, cards: 10, dials: 10 },
  ...{ writes: {}, reads: {}, loopDelayP99Ms: 1, loopDelayMaxMs: 2, queueP50: 0.1, queueP99: 0.2 },
};
const coldStart: ColdStart = {
  ...phase,
  writes: { 'PATCH agentcards/status': 10, 'POST networkpolicies': 10, 'PATCH pods': 10, 'POST events': 40 },
  reads: { 'GET pods': 10, 'GET replicasets': 10 },
  ...{ reconciles: 30, readySeconds: [0.5, 1.5], answering: 10, points: [] },
};
const report = (change: Partial<Report> = {}): Report => ({
  parameters: parametersFrom({ N: '10', SILENT: '0' }),
  machine: { cpus: 2, node: 'v26.4.0', loadBefore: 0 },
  ...{ coldStart, idle: phase, probes: [], verification: undefined, bare: undefined },
  ...change,
});
const runsOf = (name: string, ...reports: Report[]) => figuresOf(reports).find((figure) => figure.name === name)?.runs;

test('counts are told per agent, and Events, which tell in the background, are none of them', () => {
  expect(runsOf('requests until Ready', report())).toEqual([5]);
  expect(runsOf('writes until Ready', report())).toEqual([3]);
  expect(runsOf('reconciles until Ready', report())).toEqual([3]);
  expect(runsOf('idle writes', report({ idle: { ...phase, writes: { 'POST events': 3 } } }))).toEqual([0]);
});

test('each run has its value, and a figure that one of them lacks is none', () => {
  const slower = report({ coldStart: { ...coldStart, readySeconds: [2.5] } });
  expect(runsOf('until all that answer are Ready', report(), slower)).toEqual([1.5, 2.5]);
  const withProbe = report({ probes: [{ name: 'a quarantine', medianMs: 20, maxMs: 30 }] });
  expect(runsOf('a quarantine', withProbe, withProbe)).toEqual([20, 20]);
  expect(runsOf('a quarantine', withProbe, report())).toBeUndefined();
  expect(
    runsOf('a quarantine', report({ probes: [{ name: 'a quarantine', medianMs: NaN, maxMs: NaN }] })),
  ).toBeUndefined();
  expect(runsOf('the same over the bare loop', report())).toBeUndefined();
});

test('no two figures have one name', () => {
  const names = figuresOf([report()]).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('one run above the limit of a count is told, however many are below', () => {
  expect(overLimit(figuresOf([report(), report()]))).toEqual([]);
  const restless = report({ idle: { ...phase, writes: { 'PATCH agentcards/status': 1 } } });
  expect(overLimit(figuresOf([report(), restless, report()]))).toEqual([
    'Run 2, idle writes: 1 in all, and noise does not explain more than 0.',
  ]);
});

test('a slow start brings turns of its own, and no more than those are let pass', () => {
  const start = (seconds: number, each: number) =>
    report({ coldStart: { ...coldStart, seconds, reconciles: each * 10 } });
  const period = report().parameters.coldSyncPeriodSeconds;
  expect(overLimit(figuresOf([start(3 * period, 6), start(0, 3)]))).toEqual([]);
  expect(overLimit(figuresOf([start(3 * period, 6.1), start(0, 4)]))).toEqual([
    'Run 1, reconciles until Ready: 6.1 per agent, and noise does not explain more than 6.',
    'Run 2, reconciles until Ready: 4 per agent, and noise does not explain more than 3.',
  ]);
});

test('where a namespace has many agents, their pods are read together or that is told', () => {
  const start = (n: number, each: number) => {
    const parameters = parametersFrom({ N: `${n}`, NAMESPACES: '1' });
    return report({
      parameters,
      coldStart: { ...coldStart, reconciles: 0, writes: {}, reads: { 'GET pods': each * n } },
    });
  };
  expect(overLimit(figuresOf([start(100, 4), start(10, 6)]))).toEqual([]);
  expect(overLimit(figuresOf([start(100, 5), start(10, 7)]))).toEqual([
    'Run 1, requests until Ready: 5 per agent, and noise does not explain more than 4.',
    'Run 2, requests until Ready: 7 per agent, and noise does not explain more than 6.',
  ]);
});

test('what time it took has no limit', () => {
  const slow = report({ coldStart: { ...coldStart, readySeconds: [1e6], cpuSeconds: 1e6, peakMiB: 1e6 } });
  expect(overLimit(figuresOf([slow]))).toEqual([]);
});
