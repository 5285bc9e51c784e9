import { describe, expect, test } from 'vitest';
import { probePoolLabel, probePoolsLabel } from '../../../../src/operator/api/labels.ts';
import {
  type Finding,
  findingOf,
  leakCodes,
  type Probe,
  type ProbePod,
  proofOf,
} from '../../../../src/operator/network/proof.ts';

const ready = (status: string) => [{ type: 'Ready', status }];
const ended = (exitCode: number) => ({ terminated: { exitCode } });
const pod = (status: ProbePod['status'] = {}): ProbePod => ({ metadata: { name: 'probe' }, status });

describe('what a probe has found, its kubelet says', () => {
  test.each<[string, ProbePod, Finding]>([
    ['nothing yet', { metadata: { name: 'probe' } }, 'nothing'],
    ['it runs and is not ready', pod({ conditions: ready('False') }), 'nothing'],
    ['its node is lost', pod({ conditions: ready('Unknown') }), 'nothing'],
    ['it is ready', pod({ conditions: ready('True') }), 'enforces'],
    ['it failed in another way', pod({ containerStatuses: [{ lastState: ended(1) }] }), 'nothing'],
    ['it ended so', pod({ containerStatuses: [{ state: ended(leakCodes.in) }] }), { leak: 'into pods' }],
    [
      'it ended so, and was started again',
      pod({ conditions: ready('False'), containerStatuses: [{ state: {}, lastState: ended(leakCodes.out) }] }),
      { leak: 'out of pods' },
    ],
    [
      'it ended so once, and is ready since',
      pod({ conditions: ready('True'), containerStatuses: [{ lastState: ended(leakCodes.both) }] }),
      'enforces',
    ],
  ])('%s', (_, given, found) => expect(findingOf(given)).toEqual(found));
});

describe('what all probes together have shown', () => {
  const leak = { leak: 'into pods' };
  const probe = (pool: string, finding: Finding, pools = 1): Probe => {
    const labels = { [probePoolLabel]: pool, [probePoolsLabel]: `${pools}` };
    return { metadata: { name: pool, labels }, finding };
  };

  test.each<[string, readonly Probe[], string]>([
    ['no probe: nothing is proven', [], 'unproven No probe'],
    ['every pool has to enforce', [probe('a', 'enforces'), probe('b', 'nothing')], 'unproven The probe of node pool b'],
    ['they do', [probe('a', 'enforces'), probe('b', 'enforces')], 'proven'],
    [
      'a pool without any pod has shown nothing',
      [probe('a', 'enforces', 2)],
      'unproven Of 2 node pools, 1 have no probe.',
    ],
    ['a leak counts before silence', [probe('a', 'nothing'), probe('b', leak)], 'refuted On node pool b'],
    [
      'a leak counts before an older pod of the pool',
      [probe('a', 'enforces'), probe('a', leak)],
      'refuted On node pool a',
    ],
    ['while a pod replaces another, the older one stands', [probe('a', 'nothing'), probe('a', 'enforces')], 'proven'],
  ])('%s', (_, probes, shown) => {
    const { state, says } = proofOf(probes);
    expect(`${state} ${says}`.trim()).toMatch(new RegExp(`^${shown}`));
    expect(proofOf(probes.toReversed())).toEqual(proofOf(probes));
  });
});
