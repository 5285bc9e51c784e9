import type { GoodSignature } from '@agentcard-operator/agentcard';
import { ApiError, type KubeClient } from '@agentcard-operator/kube';
import type { Fields, Logger } from '@agentcard-operator/kube/runtime';
import type { BundleSet, X509Svid } from '@agentcard-operator/spiffe/x509';
import { type Fault, ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { readCardFile, replaceFile } from './card-file.ts';
import { writeConfigMap } from './config-map.ts';
import type { Settings } from './settings.ts';
import { confirmSigned, signUnsigned } from './sign-unsigned.ts';

/** The world around the signer. */
export interface Edges {
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: Logger;
  /** Throws when this is no pod of a cluster. */
  readonly connect: () => KubeClient;
}

export interface SigningIdentity {
  readonly svid: X509Svid;
  readonly bundles: BundleSet;
}

/** From the unsigned card to one that verifies, in the file and where wanted in the ConfigMap. Every failure has a code. */
export async function sign(
  { svid, bundles }: SigningIdentity,
  settings: Settings,
  { now, log, connect }: Edges,
  signal: AbortSignal,
): Promise<Result<GoodSignature>> {
  const unsigned = await readCardFile(settings.unsignedCard);
  if (!unsigned.ok) return unsigned;
  const signed = await signUnsigned(unsigned.value, svid);
  if (!signed.ok) return signed;
  const { text, cardId } = signed.value;
  const written = await replaceFile(settings.card, text, (bytes) => confirmSigned(bytes, signed.value, bundles, now()));
  if (!written.ok) return written;
  const { algorithm, keyId, notAfter, signer } = written.value;
  log.info('the card is signed', { path: settings.card, cardId, signer: signer.uri, algorithm, keyId, notAfter });
  if (!isPublished(settings)) return written;
  const published = await publish(text, settings, connect, signal);
  if (published.ok) log.info('the signed card is published', published.value);
  else if (settings.configmap === 'required') return published;
  else log.warn('the signed card is not published', logged(published.error));
  return written;
}

function isPublished({ configmap, agentName }: Settings): boolean {
  return configmap !== 'off' && agentName !== '';
}

/** What a log line carries of it. */
export function logged({ code, message }: Fault): Fields {
  return { code, reason: message };
}

/** Code: `ConfigMapNotWritten`. */
async function publish(
  text: string,
  settings: Settings,
  connect: Edges['connect'],
  signal: AbortSignal,
): Promise<Result<Fields>> {
  const { agentName: agent, podName: name, podUid: uid } = settings;
  const pod = name === '' || uid === '' ? undefined : { name, uid };
  let client: KubeClient | undefined;
  try {
    client = connect();
    const namespace = settings.podNamespace || client.config.namespace;
    if (!namespace)
      return refused('ConfigMapNotWritten', 'the namespace of the ConfigMap is unknown; set POD_NAMESPACE');
    const configMap = await writeConfigMap(client, { agent, namespace, pod }, text, signal);
    return ok({ configMap, owner: pod?.name ?? 'nobody; set POD_NAME and POD_UID' });
  } catch (error) {
    return refused('ConfigMapNotWritten', `the ConfigMap was not written: ${reasonOf(error)}`);
  } finally {
    client?.close();
  }
}

function reasonOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const forbidden = error instanceof ApiError && error.code === 403;
  return forbidden ? `${said}; let the service account get, create and patch configmaps` : said;
}
