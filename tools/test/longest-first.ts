import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that run beside others and take minutes, most of it waiting; the longest first. Begun last, each would be waited for alone. */
const long = [
  ...['worst-hour', 'odd-shapes'].map((name) => `integration/fleet/${name}`),
  ...['lifecycle', 'worst-hour', 'spiffe-rotation', 'calm', 'faults', 'spiffe-replicas'].map((name) => `e2e/${name}`),
];

/** Vitest itself knows the durations of the last run alone, and a fresh clone has none. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = long.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? long.length : at;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
