import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifiedLabel } from '../../../src/operator/api/labels.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { until } from '../../cluster/until.ts';
import { kubeMinor } from '../kube-version.ts';
import { renderOn } from './helm.ts';

const mutating = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';

let server: ApiServer;
let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
/** Whether this API server can take the label off; those before 1.36 cannot. */
let strips: boolean;

const forged = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'forged', namespace: 'default', labels: { [verifiedLabel]: 'true' } },
  spec: { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'x' }] },
});

/** The labels of the pod as it is taken; a warning is an error here. */
const create = () =>
  kubectl(
    ['create', '-f', '-', '-o', 'jsonpath={.metadata.labels}', '--dry-run=server', '--warnings-as-errors'],
    forged,
  );

beforeAll(async () => {
  const tools = await ensureTools(['kubectl', 'helm']);
  server = await startApiServer();
  kubectl = (args, stdin) =>
    run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
  const kinds = await kubectl(['get', '--raw', '/apis/admissionregistration.k8s.io/v1']);
  strips = kinds.includes('"MutatingAdmissionPolicy"');
  const guard = await renderOn(strips ? [mutating] : [], '--show-only', 'templates/admission-label.yaml');
  await kubectl(['apply', '--server-side', '-f', '-'], guard);
});
afterAll(() => server?.stop());

test('a pod that is created with the label starts without it, or is warned about where nothing can take it off', async () => {
  const outcome = () =>
    create().then(
      (labels) => (labels.includes(verifiedLabel) ? undefined : 'stripped'),
      (error: unknown) => (String(error).includes('Warning:') ? 'warned' : Promise.reject(error)),
    );
  const said = await until({ what: 'the guard to be heard', timeoutMs: 60_000 }, outcome);
  expect(said).toBe(strips ? 'stripped' : 'warned');
});

test('no release before 1.36 strips, and every one from there on does', () => {
  expect(strips).toBe(kubeMinor >= 36);
});
