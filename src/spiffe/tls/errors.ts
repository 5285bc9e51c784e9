/** Errors of sockets, OpenSSL and the HTTP parser, told apart by whether they speak against the peer. */

import { mostHandshakeBytes, tooMuchTls } from '@agentcard-operator/wire/bounded';
import type { Result } from '../result.ts';
import type { TrustBundle } from '../x509/bundle.ts';
import { refusedChain } from '../x509/refusal.ts';
import { type FetchFailure, failed } from './outcome.ts';

export interface Handshake {
  readonly bundle: TrustBundle;
  /** What the peer presented first, whether or not it verified. */
  readonly leaf: Uint8Array | undefined;
  /** Our own verdict on all that it presented. */
  readonly judge: () => Result<unknown>;
  /** The handshake came to its end and the chain was then refused, by OpenSSL or by us. */
  readonly unverified: boolean;
}

/** What OpenSSL says to bytes that are no TLS record. */
const notTls = 'ERR_SSL_WRONG_VERSION_NUMBER';
/** Our own OpenSSL refused the peer's certificate or its proof of the key while the handshake was still going on. */
const badCertificate = /^ERR_(SSL|OSSL)_.*(CERT|SIGNATURE|KEY_TOO_SMALL|KEY_TOO_WEAK|MD_TOO_WEAK)/;
/** An alert is the peer's word: it refused us. */
const alert = /alert/i;
const certificateAlert = /certificate|unknown ca|access denied|decrypt error/i;

export function connectionFailure(error: Error): FetchFailure {
  const code = codeOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return failed('ConnectionRefused', 'the connection was refused: nothing listens on the port');
    case 'ECONNRESET':
    case 'EPIPE':
      return failed('ConnectionReset', 'the peer reset the connection');
    case 'ETIMEDOUT':
      return failed('Timeout', 'the connection timed out');
    default:
      return failed('Unreachable', `the address cannot be reached (${code})`);
  }
}

export function handshakeFailure(error: Error, handshake: Handshake): FetchFailure {
  if (handshake.unverified) return certificateFailure(error, handshake);
  const code = codeOf(error);
  if (isAlert(error)) return alertFailure(error);
  if (code === tooMuchTls) {
    return failed(
      'HandshakeFailed',
      `the handshake of the peer is longer than ${mostHandshakeBytes} bytes; send issuers only`,
    );
  }
  if (code === notTls) return failed('NotTls', 'the port that must speak TLS speaks something else');
  if (badCertificate.test(code)) return certificateFailure(error, handshake);
  if (!isOpenSsl(error)) return connectionFailure(error);
  return failed('HandshakeFailed', `the TLS handshake failed (${code})`);
}

/** After the handshake the same errors say less: on TLS 1.3 a peer that rejects us tells us only now. */
export function exchangeFailure(error: Error): FetchFailure {
  const code = codeOf(error);
  if (isAlert(error)) return alertFailure(error);
  if (code === tooMuchTls) return failed('MalformedResponse', 'the peer goes on sending TLS messages without data');
  if (code === 'HPE_HEADER_OVERFLOW') return failed('HeadersTooLarge', 'the header of the answer is too large');
  if (code.startsWith('HPE_'))
    return failed('MalformedResponse', protocolOf(error) ?? `the answer is no HTTP (${code})`);
  if (isOpenSsl(error)) return failed('ConnectionReset', `the TLS connection broke (${code})`);
  return connectionFailure(error);
}

/** What answers in place of HTTP/1.1, by the bytes over which the parser stumbled: an alert of TLS, or a first frame of HTTP/2. */
function protocolOf(error: Error): string | undefined {
  const bytes = 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket : Buffer.alloc(0);
  if (/^1503/.test(bytes.toString('hex', 0, 2))) return 'the port speaks TLS where plain HTTP is expected';
  return /^00....0[47]..00000000/.test(bytes.toString('hex', 0, 9)) ? onlyHttp2 : undefined;
}

const onlyHttp2 = 'the peer speaks HTTP/2 only: serve the card over HTTP/1.1 as well';

function alertFailure(error: Error): FetchFailure {
  const reason = reasonOf(error);
  if (/no application protocol/i.test(reason)) return failed('HandshakeFailed', onlyHttp2);
  return certificateAlert.test(reason)
    ? failed(
        'ClientCertificateRejected',
        `the peer rejected our certificate (${reason}): does it trust our trust domain?`,
      )
    : failed('HandshakeFailed', `the peer refused the TLS handshake (${reason})`);
}

/** The reason is ours where we have one: OpenSSL's names what it met last. */
function certificateFailure(error: Error, { bundle, leaf, judge }: Handshake): FetchFailure {
  return chainFailure(leaf, [bundle.trustDomain], () => {
    const verdict = judge();
    return verdict.ok ? { code: '', message: reasonOf(error) } : verdict.error;
  });
}

/** The failure of a question to a peer whose chain is refused. */
export function chainFailure(...refusal: Parameters<typeof refusedChain>): FetchFailure {
  const { code, message, claimedId } = refusedChain(...refusal);
  return failed(code, message, claimedId);
}

const isOpenSsl = (error: Error): boolean => 'library' in error || /^ERR_(SSL|OSSL|TLS)_/.test(codeOf(error));

const isAlert = (error: Error): boolean => isOpenSslText(error) && alert.test(reasonOf(error));

/** While writing, OpenSSL's errors arrive as EPROTO with all of OpenSSL's text in the message. */
const isOpenSslText = (error: Error): boolean => isOpenSsl(error) || codeOf(error) === 'EPROTO';

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

/** OpenSSL's stable words, without thread ids, file names and line numbers, and without Node's advice after them. */
function reasonOf(error: Error): string {
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  const text = /:SSL routines:[^:]*:([^:\n]+)/.exec(error.message)?.[1] ?? error.message;
  return text.split('; if the root CA')[0] ?? text;
}
