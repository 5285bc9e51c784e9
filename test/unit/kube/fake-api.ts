import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { KubeClient } from '../../../src/kube/client/client.ts';
import type { ClusterConfig } from '../../../src/kube/client/config.ts';
import type { KubeObject, Resource } from '../../../src/kube/objects.ts';

export const widgets: Resource = { group: '', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };

export function widget(name: string, version: number, more: { uid?: string; namespace?: string; data?: unknown } = {}) {
  const { uid = `uid-${name}`, namespace = 'default', data } = more;
  return {
    apiVersion: 'v1',
    kind: 'Widget',
    metadata: { name, namespace, uid, resourceVersion: String(version) },
    data,
  };
}

export function event(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

export function bookmark(version: number, end = false): string {
  const annotations = end ? { 'k8s.io/initial-events-end': 'true' } : {};
  return event('BOOKMARK', { kind: 'Widget', metadata: { resourceVersion: String(version), annotations } });
}

/** The answer of a streaming list. */
export function stream(version: number, ...objects: KubeObject[]): string {
  return objects.map((object) => event('ADDED', object)).join('') + bookmark(version, true);
}

export function page(version: number, objects: KubeObject[], next?: string): string {
  const items = objects.map(({ apiVersion: _, kind: __, ...item }) => item);
  return JSON.stringify({ items, metadata: { resourceVersion: String(version), continue: next } });
}

export function status(code: number, more: object = {}): string {
  return JSON.stringify({ kind: 'Status', code, message: `fake ${code}`, reason: `Fake${code}`, ...more });
}

/** Answers one request. `body` is what was sent. */
export type Step = (
  response: ServerResponse,
  request: IncomingMessage & { query: URLSearchParams; body: string },
) => void;

export const refuse =
  (code: number, headers: Record<string, string> = {}, body = status(code)): Step =>
  (response) =>
    void response.writeHead(code, headers).end(body);

/** An API server that follows a script, one step per request; the last step repeats. */
export async function fakeApi(script: readonly Step[], config: Partial<ClusterConfig> = {}) {
  const requests: {
    method: string;
    url: string;
    query: URLSearchParams;
    headers: IncomingMessage['headers'];
    headersDistinct: IncomingMessage['headersDistinct'];
    body: string;
  }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers, headersDistinct } = request;
      const query = new URL(url, 'http://fake').searchParams;
      const body = Buffer.concat(chunks).toString();
      const step = script[Math.min(requests.length, script.length - 1)];
      requests.push({ method, url, query, headers, headersDistinct, body });
      step?.(response, Object.assign(request, { query, body }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new KubeClient({
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    headers: () => ({}),
    tls: () => ({}),
    invalidate: () => {},
    ...config,
  });
  onTestFinished(async () => {
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { client, requests, server };
}

/** Waits for a condition; fails after ten seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
