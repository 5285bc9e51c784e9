/**
 * The bare loop: what the same work costs with nothing around it. It lists pods and cards once, then fetches each card over
 * mutual TLS and makes the writes that a verified agent brings, so many at once. No caches, no watches, no second look.
 */
import { readFile } from 'node:fs/promises';
import { Agent, type RequestOptions, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, type SecureContext } from 'node:tls';

export interface BareInput {
  /** `fetch`: everyone once; `paced`: at that rate for so many rounds; `whole`: fetch and write. */
  readonly mode: 'fetch' | 'paced' | 'whole';
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly bundlePem: string;
  readonly trustDomain: string;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly perSecond: number;
  readonly rounds: number;
  /** Of one agent that the operator verified; its name and namespace are replaced by each other agent's. */
  readonly template: { readonly name: string; readonly namespace: string; readonly text: string };
}

export interface BareResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  readonly fetched: number;
  readonly failed: number;
}

interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Record<string, string>;
  };
  readonly status?: { readonly podIP?: string };
}

/** What one agent's writes are made from. */
interface Writes {
  readonly status: object;
  readonly policy: { readonly metadata: { ownerReferences: { uid: string }[] } };
  readonly marks: object;
}

const input = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as BareInput;
const secureContext = createSecureContext({ cert: input.certPem, key: input.keyPem, ca: input.bundlePem });
const agent = new Agent({ keepAlive: true, ca: input.caPem, maxSockets: input.concurrency });

function call(
  options: RequestOptions & { readonly secureContext?: SecureContext },
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function api<T>(method: string, path: string, body?: object, contentType = 'application/json'): Promise<T> {
  const { hostname, port } = new URL(input.server);
  const headers = { authorization: `Bearer ${input.token}`, 'content-type': contentType };
  const answer = await call({ agent, hostname, port, method, path, headers }, body && JSON.stringify(body));
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 200)}`);
  return JSON.parse(answer.text) as T;
}

async function listAll(path: string, selector = ''): Promise<Listed[]> {
  const items: Listed[] = [];
  for (let next = ''; ; ) {
    const query = `limit=500&labelSelector=${encodeURIComponent(selector)}&continue=${encodeURIComponent(next)}`;
    const page = await api<{ items: Listed[]; metadata: { continue?: string } }>('GET', `${path}?${query}`);
    items.push(...page.items);
    next = page.metadata.continue ?? '';
    if (next === '') return items;
  }
}

/** The card, from an agent that proved the expected identity. */
async function fetchCard(host: string, expected: string): Promise<object> {
  const { text } = await call({
    host,
    port: 8443,
    path: '/.well-known/agent-card.json',
    agent: false,
    secureContext,
    servername: '',
    signal: AbortSignal.timeout(input.timeoutMs),
    checkServerIdentity: (_host, { subjectaltname }) =>
      subjectaltname === `URI:${expected}` ? undefined : new Error('another identity'),
  });
  return JSON.parse(text) as object;
}

async function write(pod: Listed, name: string, cardUid: string): Promise<void> {
  const { namespace } = pod.metadata;
  const { template } = input;
  const text = template.text.replaceAll(`${template.namespace}`, namespace).replaceAll(`${template.name}`, name);
  const { status, policy, marks } = JSON.parse(text) as Writes;
  for (const owner of policy.metadata.ownerReferences) owner.uid = cardUid;
  const merge = 'application/merge-patch+json';
  await api('POST', `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`, policy);
  await api('PATCH', `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}`, marks, merge);
  const card = `/apis/agent.kagenti.dev/v1alpha1/namespaces/${namespace}/agentcards/${name}`;
  await api('PATCH', `${card}/status`, { status }, merge);
}

async function run(): Promise<BareResult> {
  const pods = await listAll('/api/v1/pods', 'fleet=true');
  const listed = await listAll('/apis/agent.kagenti.dev/v1alpha1/agentcards');
  const cards = new Map(listed.map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.uid]));
  const counts = { fetched: 0, failed: 0 };
  const visit = async (pod: Listed) => {
    const { namespace, labels = {} } = pod.metadata;
    const name = labels.app ?? '';
    try {
      await fetchCard(pod.status?.podIP ?? '', `spiffe://${input.trustDomain}/ns/${namespace}/sa/${name}`);
    } catch {
      counts.failed += 1;
      return;
    }
    counts.fetched += 1;
    if (input.mode === 'whole') await write(pod, name, cards.get(`${namespace}/${name}`) ?? '');
  };
  const before = input.mode === 'whole' ? { user: 0, system: 0 } : process.cpuUsage();
  const begin = performance.now();
  if (input.mode === 'paced') await paced(pods, visit);
  else await saturated(pods, visit);
  const now = process.cpuUsage();
  return {
    ...counts,
    seconds: input.mode === 'whole' ? performance.now() / 1000 : (performance.now() - begin) / 1000,
    cpuSeconds: (now.user + now.system - before.user - before.system) / 1e6,
    peakMiB: process.resourceUsage().maxRSS / 1024,
  };
}

async function saturated(pods: readonly Listed[], visit: (pod: Listed) => Promise<void>): Promise<void> {
  const rest = pods.values();
  const worker = async () => {
    for (const pod of rest) await visit(pod);
  };
  await Promise.all(Array.from({ length: input.concurrency }, worker));
}

async function paced(pods: readonly Listed[], visit: (pod: Listed) => Promise<void>): Promise<void> {
  const running: Promise<void>[] = [];
  const begin = performance.now();
  const all = Array.from({ length: input.rounds }, () => pods).flat();
  for (const [index, pod] of all.entries()) {
    const early = begin + (index / input.perSecond) * 1000 - performance.now();
    if (early > 0) await sleep(early);
    running.push(visit(pod));
  }
  await Promise.all(running);
}

const result = await run();
agent.destroy();
process.stdout.write(`${JSON.stringify(result)}\n`);
