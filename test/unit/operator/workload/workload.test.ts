import { expect, test } from 'vitest';
import { isAgent, protocolsOf } from '../../../../src/operator/workload/workload.ts';
import { workload } from '../kit/builders.ts';

const labelled = (labels: Record<string, string>) => ({ ...workload, labels });

test.each(['kagenti.io', 'rossoctl.io'])('an agent is one by the label of %s alone', (domain) => {
  expect(isAgent(labelled({ [`${domain}/type`]: 'agent' }))).toBe(true);
  expect(isAgent(labelled({ [`${domain}/type`]: 'tool' }))).toBe(false);
});

test('the labels of another project make no agent', () => {
  expect(isAgent(labelled({ 'example.io/type': 'agent', type: 'agent' }))).toBe(false);
});

test.each<[string, Record<string, string>, readonly string[]]>([
  ['by the older name', { 'protocol.kagenti.io/a2a': '' }, ['a2a']],
  ['by the newer name', { 'protocol.rossoctl.io/a2a': '' }, ['a2a']],
  ['once, though both names say it', { 'protocol.kagenti.io/a2a': '', 'protocol.rossoctl.io/a2a': '' }, ['a2a']],
  ['all of them, sorted', { 'protocol.rossoctl.io/a2a': '', 'protocol.kagenti.io/acp': 'x' }, ['a2a', 'acp']],
  ['by a deprecated label', { 'rossoctl.io/agent-protocol': 'a2a' }, ['a2a']],
  [
    'not by a deprecated one beside a current one',
    { 'rossoctl.io/protocol': 'a2a', 'protocol.kagenti.io/mcp': '' },
    ['mcp'],
  ],
  ['not by a prefix without a name', { 'protocol.rossoctl.io/': '' }, []],
])('protocols are named %s', (_, labels, protocols) => {
  expect(protocolsOf(labelled(labels))).toEqual(protocols);
});

const runtime = (domain: string, type: string, manager: string) => ({
  [`${domain}/type`]: type,
  'app.kubernetes.io/managed-by': manager,
});

test.each([
  ['kagenti.io', 'kagenti-operator'],
  ['rossoctl.io', 'rossoctl-operator'],
])("an AgentRuntime's labels of %s are enough to take part", (domain, manager) => {
  const labels = runtime(domain, 'agent', manager);
  expect(isAgent(labelled(labels))).toBe(true);
  expect(protocolsOf(labelled(labels))).toEqual(['a2a']);
});

test.each([
  ['a tool', runtime('rossoctl.io', 'tool', 'rossoctl-operator')],
  ["helm's", runtime('rossoctl.io', 'agent', 'Helm')],
  ['of two projects', runtime('rossoctl.io', 'agent', 'kagenti-operator')],
  [
    'an agent of another protocol',
    { ...runtime('rossoctl.io', 'agent', 'rossoctl-operator'), 'protocol.rossoctl.io/mcp': '' },
  ],
])('labels that are %s do not say A2A', (_, labels) => {
  expect(protocolsOf(labelled(labels))).not.toContain('a2a');
});
