/** Stands for SPIRE: an authority of this process, and a Workload API for each workload, which gives it the SVID of its service account. */
import { FakeWorkloadApi, svidMessage } from '../../../test/pki/fake-workload-api.ts';
import { hour, root, svid } from '../../../test/pki/mint.ts';

const trustDomain = 'example.org';

const lifetime = () => ({ to: Date.now() + 365 * 24 * hour });
const authority = root(trustDomain, lifetime());

/** The address of a Workload API that knows one workload. */
export async function workloadApiOf(namespace: string, serviceAccount: string): Promise<FakeWorkloadApi> {
  const id = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  const api = new FakeWorkloadApi();
  await api.start();
  api.send({ svids: [svidMessage(id, [svid(authority, id, lifetime())], [authority])] });
  return api;
}
