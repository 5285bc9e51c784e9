import { open } from 'node:fs/promises';
import { type AgentCard, parseAgentCard } from '../card/agent-card.ts';
import { cardLimits } from '../card/strict-json.ts';
import type { Parsed } from '../spiffe/id.ts';
import { type Io, Trouble } from './command.ts';

const fetchTimeout = 10_000;
/** Where A2A serves a card since 0.3, and where it did before. */
const wellKnown = ['/.well-known/agent-card.json', '/.well-known/agent.json'] as const;

/** Reads a card from a file, a URL or `-`. What was read but is no card is an answer; what cannot be read is {@link Trouble}. */
export async function readCard(source: string, io: Io): Promise<Parsed<AgentCard>> {
  // One byte over the limit lets the parser say so.
  return parseAgentCard(await readSource(source, cardLimits.maxBytes + 1, io));
}

/** Like {@link readCard}, where anything but a card is of no use. */
export async function requireCard(source: string, io: Io): Promise<AgentCard> {
  const card = await readCard(source, io);
  if (card.ok) return card.value;
  throw new Trouble(`${source} is no AgentCard: ${card.error.message}`);
}

/** Reads a small text file of the user's own, such as a bundle or a key. */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  const bytes = await readFileUpTo(path, maxBytes + 1);
  if (bytes.length > maxBytes) throw new Trouble(`${path} is larger than ${maxBytes} bytes`);
  return bytes.toString('utf8');
}

async function readSource(source: string, maxBytes: number, io: Io): Promise<Uint8Array> {
  if (source === '-') return collect(io.stdin(), maxBytes);
  if (/^https?:\/\//i.test(source)) return download(source, maxBytes);
  return readFileUpTo(source, maxBytes);
}

async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= maxBytes) break;
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
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
async function download(address: string, maxBytes: number): Promise<Buffer> {
  try {
    const url = new URL(address);
    if (url.pathname !== '/') return await bodyOf(await get(url), maxBytes);
    const [newer, older] = wellKnown.map((path) => new URL(path, url));
    const first = await get(newer ?? url);
    if (first.status !== 404) return await bodyOf(first, maxBytes);
    await first.body?.cancel();
    return await bodyOf(await get(older ?? url), maxBytes);
  } catch (error) {
    if (error instanceof Trouble) throw error;
    throw new Trouble(`cannot fetch ${address}: ${reasonOf(error)}`);
  }
}

/** One GET, without redirects: what is verified is what stands at this address. */
function get(url: URL): Promise<Response> {
  return fetch(url, {
    headers: {
      accept: 'application/json, application/a2a+json',
      'accept-encoding': 'identity',
      'a2a-version': '1.0',
    },
    redirect: 'error',
    signal: AbortSignal.timeout(fetchTimeout),
  });
}

async function bodyOf({ ok, status, url, body }: Response, maxBytes: number): Promise<Buffer> {
  if (!ok) throw new Trouble(`cannot fetch ${url}: the server answered ${status}`);
  return body === null ? Buffer.alloc(0) : collect(body, maxBytes);
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
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause ? String(cause.code) : '';
  return reasons[code] ?? (code === '' ? cause.message : code);
}
