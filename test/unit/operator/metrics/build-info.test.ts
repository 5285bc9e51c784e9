import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { registerBuildInfo } from '../../../../src/operator/metrics/build-info.ts';
import { version } from '../../../../src/operator/settings/version.ts';

test('one series says which operator runs on which Node', async () => {
  const registry = new Registry();
  registerBuildInfo(registry, version);
  const text = await registry.getSingleMetricAsString('agentcard_build_info');
  expect(text).toContain(`agentcard_build_info{version="${version}",node="${process.version}"} 1`);
});
