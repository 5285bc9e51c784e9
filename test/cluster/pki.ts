import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';

export interface CertificateSpec {
  /** File name without its ending: `<name>.crt` and `<name>.key` appear in the folder. */
  readonly name: string;
  /** OpenSSL's form, for example `/O=system:masters/CN=admin`. */
  readonly subject: string;
  /** OpenSSL's form, for example `DNS:localhost` or `IP:127.0.0.1`. */
  readonly names?: readonly string[];
  readonly usage: 'client' | 'server' | 'both';
}

const usages = { client: 'clientAuth', server: 'serverAuth', both: 'clientAuth,serverAuth' };
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Pure: the arguments of the one `openssl` call that makes a key and the certificate that the folder's CA signs for it. */
export function certificateArgs(spec: CertificateSpec): string[] {
  const names = spec.names?.length ? ['-addext', `subjectAltName=${spec.names.join(',')}`] : [];
  return [
    ...['req', '-x509', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '365', ...newKey],
    ...['-subj', spec.subject, '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-addext', `extendedKeyUsage=${usages[spec.usage]}`, ...names],
    ...['-keyout', `${spec.name}.key`, '-out', `${spec.name}.crt`],
  ];
}

/** Makes a CA (`ca.crt`, `ca.key`), the certificates and the key pair for service account tokens (`sa.key`, `sa.pub`). */
export async function makePki(folder: string, specs: readonly CertificateSpec[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  // Without a configuration of our own, openssl would read the machine's and could add extensions that we did not ask for.
  await writeFile(join(folder, 'openssl.cnf'), '[req]\ndistinguished_name = name\n[name]\n');
  const own = { cwd: folder, env: { ...process.env, OPENSSL_CONF: join(folder, 'openssl.cnf') } };
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  await run(
    'openssl',
    ['req', '-x509', ...newKey, '-days', '365', '-subj', '/CN=node-ca', ...ca, '-keyout', 'ca.key', '-out', 'ca.crt'],
    own,
  );
  await Promise.all([
    ...specs.map((spec) => run('openssl', certificateArgs(spec), own)),
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'sa.key').then(() =>
      openssl('ec', '-in', 'sa.key', '-pubout', '-out', 'sa.pub'),
    ),
  ]);
}
