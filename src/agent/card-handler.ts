/** What the test agent answers: its card, and whether it lives. */

import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface CardSettings {
  readonly name: string;
  readonly namespace: string;
  readonly httpPort: number;
  /** Read again for each request; absent: a card made from the settings. */
  readonly cardPath?: string;
}

export const wellKnownPath = '/.well-known/agent-card.json';

export function cardHandler(settings: CardSettings): (request: IncomingMessage, response: ServerResponse) => void {
  const unreadable = { status: 503, body: '{"error":"the card file cannot be read"}' };
  return (request, response) => {
    void answer(settings, request)
      .catch(() => unreadable)
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      });
  };
}

async function answer(
  settings: CardSettings,
  { method, url = '' }: IncomingMessage,
): Promise<{ status: number; body: string | Buffer }> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: '{"error":"only GET"}' };
  switch (url.split('?', 1)[0]) {
    case wellKnownPath:
      return { status: 200, body: settings.cardPath ? await readFile(settings.cardPath) : builtInCard(settings) };
    case '/healthz':
      return { status: 200, body: '{"status":"ok"}' };
    default:
      return { status: 404, body: '{"error":"not found"}' };
  }
}

function builtInCard({ name, namespace, httpPort }: CardSettings): string {
  return JSON.stringify({
    name,
    description: 'An agent for tests: it serves this card over HTTP and over SPIFFE mutual TLS, and does nothing else.',
    version: '1.0.0',
    supportedInterfaces: [
      { url: `http://${name}.${namespace}.svc:${httpPort}/`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    ],
    capabilities: { streaming: false, pushNotifications: false },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'nothing', name: 'Nothing', description: 'Does nothing, reliably.', tags: ['test'] }],
  });
}
