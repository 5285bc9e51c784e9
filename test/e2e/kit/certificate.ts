import { X509Certificate } from 'node:crypto';
import type { World } from './world.ts';

/** The certificate that a pod serves on its TLS port, read without the operator's code. */
export async function servedCertificate(world: World, address: string): Promise<X509Certificate> {
  const command = `openssl s_client -connect ${address}:8443 </dev/null 2>/dev/null || true`;
  const said = await world.cluster.exec(['sh', '-c', command]);
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(said)?.[0];
  if (pem === undefined) throw new Error(`${address} serves no certificate`);
  return new X509Certificate(pem);
}

export async function servedId(world: World, address: string): Promise<string> {
  return (await servedCertificate(world, address)).subjectAltName?.replace(/^URI:/, '') ?? '';
}
