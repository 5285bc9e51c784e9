import { guilts } from '../../src/operator/judge/conditions.ts';
import { generatedNotice, yamlText } from './yaml-text.ts';

interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  /** What to look at, and what to do. */
  readonly description: string;
}

// Every replica has full caches and tells the same about cards, so cards are counted by max, never by sum.
const alerts: readonly Alert[] = [
  {
    name: 'AgentCardNoLeader',
    expr: 'max(leader_election_master_status) < 1 or absent(leader_election_master_status)',
    for: '2m',
    severity: 'critical',
    summary: 'No replica of agentcard-operator leads',
    description:
      'Verdicts, labels and NetworkPolicies stay as they are, whatever happens. Look at the pods and their logs.',
  },
  {
    name: 'AgentCardGuilty',
    expr: `max by (reason) (agentcard_cards{ready="False", reason=~"${[...guilts].join('|')}"}) > 0`,
    for: '1m',
    severity: 'warning',
    summary: '{{ $value }} AgentCards are refused: {{ $labels.reason }}',
    description: 'kubectl get agentcards -A names them; kubectl describe agentcard says who answered and what to do.',
  },
  {
    name: 'AgentCardHeld',
    expr: 'max(agentcard_held_cards) > 0',
    for: '5m',
    severity: 'warning',
    summary: '{{ $value }} agents do not answer; their verdict is held',
    description:
      'They lose trust when --evidence-ttl is over. Look at the agents, and at the NetworkPolicies around them.',
  },
  {
    name: 'AgentCardFleetBrake',
    expr: 'max(agentcard_fleet_brake_engaged) > 0',
    for: '1m',
    severity: 'critical',
    summary: 'So many agents fell silent at once that every verdict is held',
    description: 'Look for one common cause: SPIRE, the network, the operator itself. Trust ends at --max-hold.',
  },
  {
    name: 'AgentCardIdentityLost',
    expr: 'max by (state) (agentcard_identity_state{state=~"denied|expired"}) > 0',
    for: '5m',
    severity: 'critical',
    summary: "The operator's own SPIFFE identity is {{ $labels.state }}",
    description:
      "Agents cannot be asked over mutual TLS. Look at the operator's registration entry and at the SPIRE agent on its node.",
  },
  {
    name: 'AgentCardTrustBundleEnds',
    expr: 'min by (trust_domain) (agentcard_trust_bundle_expires_in_seconds) < 3600',
    for: '5m',
    severity: 'critical',
    summary: 'The last authority of trust domain {{ $labels.trust_domain }} ends within the hour',
    description:
      'Nothing of that trust domain can be verified afterwards. Look at the SPIRE server, or renew the bundle.',
  },
  {
    name: 'AgentCardWatchDeaf',
    expr: 'max by (resource) (watch_deaf) > 0',
    for: '5m',
    severity: 'warning',
    summary: 'A replica does not hear of changes of {{ $labels.resource }}',
    description: 'Look at watch_failures_total and the log: a missing right, or an API server that does not answer.',
  },
  {
    name: 'AgentCardReconcileErrors',
    expr: 'sum by (controller) (rate(controller_runtime_reconcile_errors_total[10m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: 'Reconciles of {{ $labels.controller }} keep failing',
    description:
      'The log says of which object and why; most often the API server or an admission policy refuses a write.',
  },
  {
    name: 'AgentCardNetworkNotEnforcing',
    expr: 'max(agentcard_network_proof{state="refuted"}) > 0',
    for: '1m',
    severity: 'critical',
    summary: 'The network lets through what NetworkPolicies deny',
    description:
      'Nothing that the operator writes stops a packet there. kubectl describe agentcard names the pool of nodes.',
  },
  {
    name: 'AgentCardQuarantineListMalformed',
    expr: 'max(agentcard_quarantine_list_malformed) > 0',
    for: '1m',
    severity: 'critical',
    summary: 'ConfigMap agentcard-quarantine cannot be read',
    description:
      'The last good list stands, and the latest change is not in force. The Event of the ConfigMap says what is wrong.',
  },
];

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
  { title: 'Ready', stat: true, queries: { 'max(agentcard_cards{ready="True"}) or vector(0)': 'ready' } },
  {
    title: 'Not ready',
    stat: true,
    queries: { 'sum(max by (reason) (agentcard_cards{ready!="True"})) or vector(0)': 'not ready' },
  },
  { title: 'Held', stat: true, queries: { 'max(agentcard_held_cards)': 'held' } },
  { title: 'Fleet brake', stat: true, queries: { 'max(agentcard_fleet_brake_engaged)': 'engaged' } },
  { title: 'Cards by reason', queries: { 'max by (reason) (agentcard_cards)': '{{reason}}' } },
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
    title: 'Certificates end in',
    unit: 's',
    queries: {
      'min(agentcard_svid_expires_in_seconds)': "the operator's SVID",
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
  const runbook = `docs/operations.md#${name.toLowerCase()}`;
  return {
    alert: name,
    expr: scoped(expr),
    for: duration,
    labels: { severity },
    annotations: { summary, description, runbook },
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
