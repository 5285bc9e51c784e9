import { type Alert, alerts } from './alerts.ts';
import { generatedNotice, yamlText } from './yaml-text.ts';

/** The job as which the chart's PodMonitor has the operator scraped; other controllers serve metrics of the same names. */
const job = 'agentcard-operator';
const metricName = /\b((?:agentcard|controller_runtime|leader_election|process|rest_client|watch|workqueue)_\w+)(\{)?/g;

const scoped = (expr: string): string =>
  expr.replaceAll(metricName, (_, name: string, brace?: string) => `${name}{job="${job}"${brace ? ', ' : '}'}`);

interface Panel {
  readonly title: string;
  readonly unit?: string;
  readonly stat?: true;
  /** Expression → legend. */
  readonly queries: Readonly<Record<string, string>>;
}

const panels: readonly Panel[] = [
  {
    title: 'Ready',
    stat: true,
    queries: { 'sum(max by (namespace, reason) (agentcard_cards{ready="True"})) or vector(0)': 'ready' },
  },
  {
    title: 'Not ready',
    stat: true,
    queries: { 'sum(max by (namespace, reason) (agentcard_cards{ready!="True"})) or vector(0)': 'not ready' },
  },
  { title: 'Held', stat: true, queries: { 'max(agentcard_held_cards)': 'held' } },
  { title: 'Fleet brake', stat: true, queries: { 'max(agentcard_fleet_brake_engaged)': 'engaged' } },
  {
    title: 'Cards by reason',
    queries: { 'sum by (reason) (max by (namespace, reason) (agentcard_cards))': '{{reason}}' },
  },
  {
    title: 'Verifications',
    unit: 'ops',
    queries: { 'sum by (mechanism, result) (rate(agentcard_verifications_total[5m]))': '{{mechanism}} {{result}}' },
  },
  {
    title: 'Fetch time, 99th percentile',
    unit: 's',
    queries: {
      'histogram_quantile(0.99, sum by (le, transport) (rate(agentcard_fetch_duration_seconds_bucket[5m])))':
        '{{transport}}',
    },
  },
  {
    title: 'Fetches',
    unit: 'ops',
    queries: { 'sum by (transport, outcome) (rate(agentcard_fetches_total[5m]))': '{{transport}} {{outcome}}' },
  },
  {
    title: 'Drift and labels taken off, an hour',
    queries: {
      'sum(increase(agentcard_drift_total[1h]))': 'cards that changed',
      'sum by (why) (increase(agentcard_labels_stripped_total[1h]))': 'labels: {{why}}',
    },
  },
  { title: 'NetworkPolicies', queries: { 'max by (mode) (agentcard_policies)': '{{mode}}' } },
  {
    title: 'Cards by what the network does',
    queries: { 'sum by (reason) (max by (namespace, reason) (agentcard_enforced_cards))': '{{reason}}' },
  },
  {
    title: 'Certificates end in',
    unit: 's',
    queries: {
      'min(agentcard_svid_expires_in_seconds)': "the operator's SVID",
      'min by (namespace) (agentcard_identity_expiration_timestamp_seconds) - time()': 'agents of {{namespace}}',
      'min by (trust_domain) (agentcard_trust_bundle_expires_in_seconds)': 'bundle of {{trust_domain}}',
    },
  },
  {
    title: 'Queue',
    queries: { 'sum by (controller) (workqueue_depth)': '{{controller}}' },
  },
  {
    title: 'Requests to the API server',
    unit: 'ops',
    queries: { 'sum by (method, code) (rate(rest_client_requests_total[5m]))': '{{method}} {{code}}' },
  },
  {
    title: 'Watches',
    queries: {
      'sum by (resource) (increase(watch_failures_total[1h]))': 'failures: {{resource}}',
      'sum by (resource) (increase(watch_missed_total[1h]))': 'missed: {{resource}}',
    },
  },
  { title: 'Memory', unit: 'bytes', queries: { process_resident_memory_bytes: '{{pod}}' } },
  { title: 'CPU', unit: 'percentunit', queries: { 'rate(process_cpu_seconds_total[5m])': '{{pod}}' } },
];

const dashboardName = 'agentcard-operator.json';

/** Rules for Prometheus and a dashboard for Grafana, by themselves and for the chart. */
export function monitoringFiles(): [string, string][] {
  const rules = `# ${generatedNotice}\n${yamlText({ groups: [{ name: 'agentcard-operator', rules: alerts.map(ruleOf) }] })}`;
  const dashboard = `${JSON.stringify(dashboardOf(panels), null, 2)}\n`;
  return [
    ['config/rules/agentcard-operator.yaml', rules],
    ['charts/agentcard-operator/files/rules.yaml', rules],
    [`config/dashboards/${dashboardName}`, dashboard],
    [`charts/agentcard-operator/files/${dashboardName}`, dashboard],
  ];
}

function ruleOf({ name, expr, for: duration, severity, summary, description }: Alert) {
  // The chart puts metrics.rules.docsUrl before it.
  const runbook = `docs/operations.md#${name.toLowerCase()}`;
  return {
    alert: name,
    expr: scoped(expr),
    for: duration,
    labels: { severity },
    annotations: { summary, description, runbook_url: runbook },
  };
}

function dashboardOf(all: readonly Panel[]) {
  return {
    title: 'AgentCards',
    uid: 'agentcard-operator',
    tags: ['a2a', 'spiffe'],
    schemaVersion: 39,
    time: { from: 'now-6h', to: 'now' },
    refresh: '1m',
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' }] },
    panels: all.map(panelOf),
  };
}

/** Figures in a row of four at the top, graphs in pairs below. */
function panelOf({ title, unit = 'short', stat, queries }: Panel, index: number) {
  const graph = index - 4;
  const place = stat
    ? { x: index * 6, y: 0, w: 6, h: 4 }
    : { x: (graph % 2) * 12, y: 4 + Math.floor(graph / 2) * 8, w: 12, h: 8 };
  return {
    id: index + 1,
    title,
    type: stat ? 'stat' : 'timeseries',
    datasource: { type: 'prometheus', uid: '$datasource' },
    gridPos: place,
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: Object.entries(queries).map(([expr, legendFormat], query) => {
      return { refId: String.fromCharCode(65 + query), expr: scoped(expr), legendFormat };
    }),
  };
}
