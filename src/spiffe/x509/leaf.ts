/** Who a certificate says it is: the rules for the leaf of an X509-SVID (X509-SVID §2, §3.1, §4, §5.2). */

import { excerpt, parseSpiffeId, type SpiffeId } from '../id.ts';
import { ok, type Result, refused } from '../result.ts';
import { type Certificate, readCertificate, uriNames } from './certificate.ts';
import { attempt } from './der.ts';

export interface LeafIdentity {
  readonly id: SpiffeId;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Every leaf rule except validity and the path to a trust bundle: it says what the certificate claims, not that it is true.
 * Codes: CertificateMalformed, NotAnSvid.
 */
export function leafIdentity(der: Uint8Array): Result<LeafIdentity> {
  const certificate = attempt('CertificateMalformed', () => readCertificate(der));
  return certificate.ok ? identityOf(certificate.value) : certificate;
}

export function identityOf(certificate: Certificate): Result<LeafIdentity> {
  const uris = attempt('CertificateMalformed', () => uriNames(certificate));
  if (!uris.ok) return uris;
  const [uri, ...others] = uris.value;
  if (uri === undefined || others.length > 0) {
    return refused('NotAnSvid', `an X509-SVID has exactly one URI name, this certificate has ${uris.value.length}`);
  }
  const id = parseSpiffeId(uri);
  if (!id.ok) return refused('NotAnSvid', id.error.message);
  if (id.value.path === '') return refused('NotAnSvid', `${excerpt(uri)} names a trust domain, not a workload`);
  const fault = usageFault(certificate);
  if (fault !== undefined) return refused('NotAnSvid', fault);
  const { validFromDate: notBefore, validToDate: notAfter } = certificate.x509;
  return ok({ id: id.value, notBefore, notAfter });
}

function usageFault({ basicConstraints, keyUsage }: Certificate): string | undefined {
  if (basicConstraints?.ca) return 'the leaf is a CA certificate, which must not authenticate a workload';
  if (keyUsage === undefined) return 'the leaf has no keyUsage extension';
  if (keyUsage.has('keyCertSign') || keyUsage.has('cRLSign')) return 'the leaf may sign certificates or CRLs';
  if (!keyUsage.has('digitalSignature')) return 'the leaf lacks the digitalSignature key usage';
  return undefined;
}
