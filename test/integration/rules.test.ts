import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { ensureTools } from '../cluster/tools.ts';

/** Series without their job, and their values from minute to minute as promtool writes them. */
type Series = Readonly<Record<string, string>>;

interface Case {
  readonly fires: readonly Series[];
  readonly silent: readonly Series[];
}

const always = (value: number) => `${value}x60`;
const leads = (pod: string) => `leader_election_master_status{pod="${pod}"}`;
const cards = (ready: string, reason: string) =>
  `agentcard_cards{namespace="team", ready="${ready}", reason="${reason}"}`;
const enforced = (value: string, reason: string) =>
  `agentcard_enforced_cards{namespace="team", enforced="${value}", reason="${reason}"}`;
const ends = 'agentcard_identity_expiration_timestamp_seconds{namespace="team"}';
const left = 'agentcard_svid_expires_in_seconds{pod="a"}';
const errors = 'controller_runtime_reconcile_errors_total{controller="agentcard"}';

const cases: Readonly<Record<string, Case>> = {
  AgentCardNoLeader: {
    fires: [{}, { [leads('a')]: always(0), [leads('b')]: always(0) }],
    silent: [{ [leads('a')]: always(0), [leads('b')]: always(1) }],
  },
  AgentCardGuilty: {
    fires: ['IdentityMismatch', 'SignatureInvalid', 'CardNotApproved'].map((reason) => ({
      [cards('False', reason)]: always(1),
    })),
    silent: [{ [cards('False', 'FetchFailed')]: always(9), [cards('True', 'ReadyToServe')]: always(9) }],
  },
  AgentCardNotEnforced: {
    fires: ['Weakened', 'NotEnforceable', 'PolicyPending'].map((reason) => ({
      [enforced('False', reason)]: always(1),
    })),
    silent: [
      { [enforced('False', 'Off')]: always(1), [enforced('False', 'Audit')]: always(1) },
      { [enforced('True', 'PolicyApplied')]: always(1) },
      { [enforced('False', 'PolicyPending')]: '0x20 1x5 0x40' },
    ],
  },
  AgentCardHeld: {
    fires: [{ agentcard_held_cards: always(1) }],
    silent: [{ agentcard_held_cards: always(0) }, { agentcard_held_cards: '0x20 1x3 0x40' }],
  },
  AgentCardFleetBrake: {
    fires: [{ agentcard_fleet_brake_engaged: always(1) }],
    silent: [{ agentcard_fleet_brake_engaged: always(0) }],
  },
  AgentCardIdentityLost: {
    fires: ['denied', 'expired'].map((state) => ({ [`agentcard_identity_state{state="${state}"}`]: always(1) })),
    silent: ['ready', 'waiting'].map((state) => ({ [`agentcard_identity_state{state="${state}"}`]: always(1) })),
  },
  AgentCardOwnIdentityEnds: {
    // A life that nobody renews; an hour that is renewed at half; five minutes that are.
    fires: [{ [left]: '3300-60x60' }],
    silent: [{ [left]: '3600-60x29 3600-60x40' }, { [left]: Array(20).fill('300-60x2').join(' ') }, {}],
  },
  AgentCardIdentityEnds: {
    // At minute 50 an end in 200 seconds that has not moved; then ends that move every four minutes, as of short lives.
    fires: [{ [ends]: always(50 * 60 + 200) }],
    silent: [
      { [ends]: always(50 * 60 + 900) },
      { [ends]: Array.from({ length: 15 }, (_, turn) => `${turn * 240 + 300}x3`).join(' ') },
      {},
    ],
  },
  AgentCardTrustBundleEnds: {
    fires: [{ 'agentcard_trust_bundle_expires_in_seconds{trust_domain="example.org"}': always(3_000) }],
    silent: [{ 'agentcard_trust_bundle_expires_in_seconds{trust_domain="example.org"}': always(7_200) }],
  },
  AgentCardWatchDeaf: {
    fires: [{ 'watch_deaf{resource="pods"}': always(1) }],
    silent: [{ 'watch_deaf{resource="pods"}': always(0) }],
  },
  AgentCardReconcileErrors: {
    fires: [{ [errors]: '0+12x60' }],
    silent: [{ [errors]: '0+3x60' }],
  },
  AgentCardNetworkNotEnforcing: {
    fires: [{ 'agentcard_network_proof{state="refuted"}': always(1) }],
    silent: [
      { 'agentcard_network_proof{state="refuted"}': always(0), 'agentcard_network_proof{state="unproven"}': always(1) },
    ],
  },
  AgentCardQuarantineListMalformed: {
    fires: [{ agentcard_quarantine_list_malformed: always(1) }],
    silent: [{ agentcard_quarantine_list_malformed: always(0) }],
  },
};

const rulesFile = resolve('config/rules/agentcard-operator.yaml');
const { groups } = parse(await readFile(rulesFile, 'utf8')) as { groups: { rules: { alert: string }[] }[] };
const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));

let promtool: string;
let folder: string;
beforeAll(async () => {
  ({ promtool } = await ensureTools(['promtool']));
  folder = await mkdtemp(join(tmpdir(), 'agentcard-'));
});

const withJob = (series: string, job: string) =>
  series.includes('{') ? series.replace('{', `{job="${job}", `) : `${series}{job="${job}"}`;

function moment(alert: string, series: Series, firing: 0 | 1, job = 'agentcard-operator') {
  const expr = `count(ALERTS{alertname="${alert}", alertstate="firing"}) or vector(0)`;
  const input = Object.entries(series).map(([name, values]) => ({ series: withJob(name, job), values }));
  // Of an alert on what is absent, another series keeps the clock going.
  const clock = { series: 'up{job="other"}', values: always(1) };
  return {
    interval: '1m',
    input_series: [...input, clock],
    promql_expr_test: [{ expr, eval_time: '50m', exp_samples: [{ labels: '{}', value: firing }] }],
  };
}

async function judged(name: string, tests: readonly object[]): Promise<void> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests }));
  const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', file], { encoding: 'utf8' });
  expect({ status, said: status === 0 ? '' : `${stdout}${stderr}` }).toEqual({ status: 0, said: '' });
}

test('promtool takes the rules, and every rule has moments at which it fires and at which it is silent', () => {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'rules', rulesFile], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`${alerts.length} rules found`);
  expect(Object.keys(cases)).toEqual(alerts);
});

test.each(Object.entries(cases))('%s fires when it must', async (alert, { fires }) => {
  await judged(
    `${alert}-fires`,
    fires.map((series) => moment(alert, series, 1)),
  );
});

test.each(Object.entries(cases))('%s is silent when nothing is wrong', async (alert, { silent }) => {
  await judged(
    `${alert}-silent`,
    silent.map((series) => moment(alert, series, 0)),
  );
});

test.each(Object.entries(cases))('%s does not hear another controller', async (alert, { fires, silent }) => {
  const other = fires.flatMap((series) => (Object.keys(series).length === 0 ? [] : [series]));
  const [ours = {}] = alert === 'AgentCardNoLeader' ? silent : [];
  await judged(
    `${alert}-other`,
    other.map((series) => {
      const foreign = Object.entries(series).map(([name, values]) => ({
        series: withJob(name, 'cert-manager'),
        values,
      }));
      const test = moment(alert, ours, 0);
      return { ...test, input_series: [...test.input_series, ...foreign] };
    }),
  );
});
