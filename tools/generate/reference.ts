import {
  blockedRemedies,
  type ConditionType,
  floorRemedies,
  reasons,
  remedy,
} from '../../src/operator/api/conditions.ts';
import { cleanupPermissions, operatorPermissions, type Permission } from '../../src/operator/api/permissions.ts';
import type { Effect, Question } from '../../src/operator/judge/question.ts';
import { questions } from '../../src/operator/judge/questions.ts';
import { flags } from '../../src/operator/settings/flag-table.ts';
import { type Flag, variableName } from '../../src/operator/settings/flags.ts';
import { commandOverview } from './commands.ts';
import { columnTable, kindName, specTable, statusTable } from './kind-fields.ts';
import { code, markdownTable } from './markdown.ts';
import { metricTable } from './metrics.ts';
import { valueTable } from './values.ts';
import { generatedNotice } from './yaml-text.ts';

/** docs/reference.md, whole. */
export async function referencePage(): Promise<string> {
  const parts = [
    ['Flags', flagsIntro, flagTable()],
    ['Questions', questionsIntro, questionTable(questions)],
    ['Conditions', conditionsIntro, conditionTable(), blockedText()],
    ['The kind', kindName(), specIntro, specTable(), statusIntro, statusTable(), columnsIntro, columnTable()],
    ['Chart values', valuesIntro, await valueTable()],
    ['Metrics', metricsIntro, metricTable()],
    ['Rights', rightsIntro, rightsTable()],
    ['Commands', commandsIntro, await commandOverview()],
  ] as const;
  const contents = parts.map(([title]) => `- [${title}](#${title.toLowerCase().replaceAll(' ', '-')})\n`).join('');
  const sections = parts.map(([title, ...texts]) => `## ${title}\n\n${texts.join('\n')}`);
  return [`<!-- ${generatedNotice} -->\n`, head, contents, ...sections].join('\n');
}

const head = `# Reference

For whoever sets a flag, writes an AgentCard or reads a status, and wants to know what a word means. What stands behind the
words is in [concepts](concepts.md).
`;

const flagsIntro = `Each is also a variable (\`--trust-domain\` is \`AGENTCARD_TRUST_DOMAIN\`) and, without its dashes, a key under \`config:\` in the
chart's values. A flag that is not known, or a value that cannot work, ends the start with a message that says what to do.
`;

function flagTable(): string {
  const rows = Object.values(flags as Readonly<Record<string, Flag>>).map((flag) => {
    const also = Object.keys(flag.aliases ?? {}).map((alias) => `<br>\`--${alias}\``);
    const preset = flag.default === '' ? '' : code(flag.default);
    return [`${code(`--${flag.name}`)}${also.join('')}`, code(variableName(flag)), preset, flag.doc];
  });
  return markdownTable(['Flag', 'Variable', 'Default', 'What it does'], rows);
}

const questionsIntro = `What the operator asks about every agent, in this order. The answers are in \`status.checks\`: \`pass\`, \`fail\`, \`unknown\` (nobody
answered yet) or \`skipped\` (it was not asked), with what was expected, what was observed, and a hint what to do. What an answer
decides is worth one of three: \`guilt\` (somebody showed that it is not what it must be: one pod is enough, at once), \`absence\`
(something is missing, which proves nothing: it counts where no pod does better) or \`note\` (it is told, no more).
[Concepts](concepts.md#what-is-checked-in-which-order) says how they build on each other.
`;

/** Which reasons an answer gives to which conditions, and what it is worth. */
export function questionTable(ladder: readonly Pick<Question, 'name' | 'about' | 'asks' | 'decides'>[]): string {
  const rows = ladder.map(({ name, about, asks, decides }, index) => {
    const told = new Set(Object.values(decides).map(effectText));
    return [String(index + 1), code(name), about, asks, [...told].join('<br>')];
  });
  return markdownTable(['#', 'Question', 'About', 'Asks', 'Decides'], rows);
}

function effectText({ weight, ...given }: Effect): string {
  const told = Object.entries(given).map(([condition, reason]) => `${condition} ${code(reason)}`);
  return `${weight}: ${told.length === 0 ? 'no condition' : told.join(', ')}`;
}

const conditionsIntro = `\`Ready\` = \`Synced\`, and \`Verified\` where a mechanism is on, and not quarantined. Its reason is the one that decided. Each
condition's message ends with what to do.
`;

function conditionTable(): string {
  const rows = (Object.keys(reasons) as ConditionType[]).flatMap((type) =>
    Object.keys(reasons[type]).map((reason) => [type, code(reason), remedy(type, reason) || 'Nothing; all is well.']),
  );
  return markdownTable(['Condition', 'Reason', 'What to do'], rows);
}

function blockedText(): string {
  const list = (words: Readonly<Record<string, string>>) => Object.values(words).map((each) => `- ${each}\n`);
  return `Where it is the operator itself that cannot ask, the message ends with one of these instead:

${list(blockedRemedies).join('')}
Under \`--strict-binding=floor\`, which ignores what cards say of identities, Bound ends with one of these:

${list(floorRemedies).join('')}`;
}

const specIntro = 'What people write. `spec.targetRef` is required; all else has a default.\n';
const statusIntro = 'What the operator writes.\n';
const columnsIntro = 'What `kubectl get agentcards` shows; the wide ones with `-o wide`.\n';

const valuesIntro = `\`values.schema.json\` of the chart refuses what is not here. \`helm show values charts/agentcard-operator\` prints them as a file.
`;

const metricsIntro = `Served where \`--metrics-bind-address\` says; the chart turns that on with any of \`metrics.podMonitor.enabled\`,
\`metrics.rules.enabled\` and \`metrics.dashboard.enabled\`. Every replica tells the same about cards, so take the \`max\` and not the
sum. Names of the runtime are those of controller-runtime and client-go where they have one.
`;

const rightsIntro = `What the operator may do, and why. The chart gives it as a ClusterRole, or as Roles where \`config.namespaces\` names some.
`;

function rightsTable(): string {
  const places = { own: "the operator's namespace", cluster: 'the cluster' };
  const row = (who: string, { group, resources, names, verbs, scope, reason }: Permission) => {
    const of = group === '' ? '' : ` of ${code(group)}`;
    const only = names === undefined ? '' : ` named ${names.map(code).join(', ')}`;
    const where = scope === undefined ? 'watched namespaces' : places[scope];
    return [who, `${resources.map(code).join(', ')}${of}${only}`, verbs.join(', '), where, reason];
  };
  const rows = [
    ...operatorPermissions.map((permission) => row('the operator', permission)),
    ...cleanupPermissions.map((permission) => row('the clean-up Job', permission)),
  ];
  return markdownTable(['Who', 'What', 'Verbs', 'Where', 'Why'], rows);
}

const commandsIntro = `\`make plugin\` makes one file of it, \`kubectl-agentcard\`, which kubectl finds on the \`PATH\` as \`kubectl agentcard …\`, completion
included; it needs Node 26. \`make plugin-binary\` puts that Node inside: one file of 118 MB (42 MB packed) for Linux with glibc, which answers
\`version --client\` without loading what asks clusters. \`make krew\` writes checksums and the manifest by which krew installs it. krew
links the command alone: for completion put \`kubectl_complete-agentcard\` of the archive on the \`PATH\`. From a checkout it is
\`npx kubectl-agentcard\`. \`verify\`, \`sign\`, \`canonicalize\` and \`diff\` need no cluster.
Exit status 0 is yes (verified; Ready), 1 is no, and 2 means that there is no answer: wrong usage, or a cluster that gives none.
\`explain\` notes what you may not list; \`explain --all\` without sight of any card exits with 2. \`migrate\` and \`cleanup\` list, and
change something with \`--apply\` alone; they take \`-o wide\`, \`json\`, \`yaml\` and \`name\` as kubectl does. Colours are for
terminals only, and \`NO_COLOR\` turns them off.

What asks a cluster takes kubectl's \`--kubeconfig\`, \`--context\`, \`--cluster\`, \`--user\`, \`--as\`, \`--as-group\`, \`--token\`, \`--request-timeout\` and
\`-n\`, what goes through a whole cluster \`-A\` besides; \`KUBECONFIG\` may be a list with files that are not there. \`--token\` takes the place of
the user's credentials. A card is named \`weather\` or \`agentcard/weather\`. \`verify\` without \`--spiffe-id\` warns that any workload of the
trust domain would pass (\`"identity": "any"\` in JSON). Names of cards and of namespaces are completed by asking the cluster.
`;
