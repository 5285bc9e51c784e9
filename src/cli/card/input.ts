import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { type CardDocument, cardLimits, parseCardDocument } from '@agentcard-operator/agentcard';
import { answerFault, exchangeFailure } from '@agentcard-operator/spiffe/tls';
import { ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { GrowingBuffer } from '@agentcard-operator/wire/growing-buffer';
import { TlsAgent } from '@agentcard-operator/wire/tls';
import { type Io, Trouble } from '../command.ts';

const fetchTimeout = 10_000;
/** Where A2A serves a card since 0.3, and where it did before. */
const wellKnown = ['/.well-known/agent-card.json', '/.well-known/agent.json'] as const;

/** Reads a card from a file, a URL or `-`. What was read but is no card is an answer; what cannot be read is {@link Trouble}. */
export async function readCard(source: string, io: Io): Promise<Result<CardDocument>> {
  // One byte over the limit lets the parser say so.
  const read = await readSource(source, cardLimits.maxBytes + 1, io);
  return read.ok ? parseCardDocument(read.value) : read;
}

/** Like {@link readCard}, where anything but a card is of no use. */
export async function requireCard(source: string, io: Io): Promise<CardDocument> {
  const card = await readCard(source, io);
  if (card.ok) return card.value;
  throw new Trouble(`${source} is no AgentCard: ${card.error.code}: ${card.error.message}`);
}

/** Reads a small text file of the user's own, such as a bundle or a key. */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  const bytes = await readFileUpTo(path, maxBytes + 1);
  if (bytes.length > maxBytes) throw new Trouble(`${path} is larger than ${maxBytes} bytes`);
  return bytes.toString('utf8');
}

async function readSource(source: string, maxBytes: number, io: Io): Promise<Result<Uint8Array>> {
  if (source === '-') return ok(await collect(io.stdin(), maxBytes));
  if (/^https?:\/\//i.test(source)) return download(source, maxBytes);
  return ok(await readFileUpTo(source, maxBytes));
}

async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const bytes = new GrowingBuffer(maxBytes);
  for await (const chunk of chunks) {
    bytes.add(chunk.subarray(0, maxBytes - bytes.size));
    if (bytes.size >= maxBytes) break;
  }
  return bytes.take();
}

async function readFileUpTo(path: string, maxBytes: number): Promise<Buffer> {
  try {
    await using file = await open(path);
    const stream = file.createReadStream({ end: maxBytes - 1, autoClose: false });
    return await collect(stream, maxBytes);
  } catch (error) {
    throw new Trouble(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** An address without a path is asked for its well-known card: the older place only where the newer one answers 404. */
async function download(address: string, maxBytes: number): Promise<Result<Uint8Array>> {
  try {
    const url = new URL(address);
    if (url.pathname !== '/') return await bodyOf(url, await get(url), maxBytes);
    const [newer = url, older = url] = wellKnown.map((path) => new URL(path, url));
    const first = await get(newer);
    if (first.statusCode !== 404) return await bodyOf(newer, first, maxBytes);
    first.destroy();
    return await bodyOf(older, await get(older), maxBytes);
  } catch (error) {
    if (error instanceof Trouble) throw error;
    throw new Trouble(`cannot fetch ${address}: ${reasonOf(error)}`);
  }
}

/** One GET, without redirects: what is verified is what stands at this address. */
async function get(url: URL): Promise<IncomingMessage> {
  const headers = {
    accept: 'application/json, application/a2a+json',
    'accept-encoding': 'identity',
    'a2a-version': '1.0',
  };
  const request = getHttp(url, { headers, ...(url.protocol === 'https:' && { agent: new TlsAgent() }) });
  let response: IncomingMessage | undefined;
  request.on('response', (answer) => {
    response = answer;
  });
  // After the answer has begun it says itself how it ended.
  request.on('error', () => undefined);
  request.on('upgrade', (_, socket) => {
    socket.destroy();
    request.emit('error', new Error('the server switched to another protocol (HTTP 101)'));
  });
  const clock = AbortSignal.timeout(fetchTimeout);
  clock.addEventListener('abort', () => (response ?? request).destroy(clock.reason));
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
}

async function bodyOf(url: URL, response: IncomingMessage, maxBytes: number): Promise<Result<Uint8Array>> {
  const { statusCode = 0 } = response;
  const fault = answerFault(response);
  if (fault === undefined && statusCode >= 200 && statusCode < 300) return ok(await collect(response, maxBytes));
  response.destroy();
  // What is no card as it came is an answer.
  if (fault?.code === 'Encoded') return refused(fault.code, fault.message);
  const why = fault === undefined ? `the server answered ${statusCode}` : 'unexpected redirect';
  throw new Trouble(`cannot fetch ${url}: ${why}`);
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  ENOTFOUND: 'the host name is unknown',
  ECONNREFUSED: 'nothing listens there',
  ERR_INVALID_URL: 'it is no URL',
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${fetchTimeout / 1000} s`;
  const code = 'code' in error ? String(error.code) : '';
  if (/^(HPE|ERR_SSL|EPROTO)/.test(code)) return exchangeFailure(error).message;
  return reasons[code] ?? (code === '' ? error.message : code);
}
