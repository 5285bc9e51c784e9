// Run by `helm test` in a pod of the operator's image: whether the operator runs, one replica leads, and the kind is served.
import { readFileSync } from 'node:fs';

const { API_SERVER: server, NAMESPACE: namespace, DEPLOYMENT: name, TOKEN_FILE: tokenFile, LEASE: lease } = process.env;
const group = process.env.API_GROUP;
const headers = { authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}` };

async function read(path) {
  const answer = await fetch(`${server}${path}`, { headers, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
  return answer.json();
}

async function problem() {
  const { metadata, spec, status } = await read(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
  const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0 } = status;
  if (observedGeneration < metadata.generation || updatedReplicas < spec.replicas || readyReplicas < spec.replicas)
    return `${readyReplicas} of ${spec.replicas} replicas of ${namespace}/${name} are ready`;
  await read(`/apis/${group}/v1alpha1/namespaces/${namespace}/agentcards?limit=1`);
  if (spec.replicas === 0) return undefined;
  const { holderIdentity, renewTime, leaseDurationSeconds } = (
    await read(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${lease}`)
  ).spec;
  const age = (Date.now() - Date.parse(renewTime)) / 1000;
  // A clock that differs a little is no fault of the operator.
  return holderIdentity && age < leaseDurationSeconds + 30 ? undefined : `nobody renewed Lease ${lease} for ${age} s`;
}

const tries = Number(process.env.TRIES ?? 30);
let last = '';
for (let left = tries; left > 0; left -= 1) {
  last = (await problem().catch((error) => String(error.cause ?? error))) ?? '';
  if (last === '') break;
  if (left > 1) await new Promise((resolve) => setTimeout(resolve, 2_000));
}
console.log(last === '' ? `${namespace}/${name} is ready, leads and serves its kind` : `not yet: ${last}; kubectl -n ${namespace} describe deployment ${name} says more`);
process.exitCode = last === '' ? 0 : 1;
