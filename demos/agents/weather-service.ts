import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from '@a2a-js/sdk/server';

export const cardPath = '/.well-known/agent-card.json';
const longestRequest = 64 * 1024;

type AgentCard = ConstructorParameters<typeof DefaultRequestHandler>[0];

/** An A2A agent on the JavaScript SDK: its card, and JSON-RPC at the root. */
export function weatherService(url: string): RequestListener {
  const card = weatherCard(url);
  const rpc = new JsonRpcTransportHandler(new DefaultRequestHandler(card, new InMemoryTaskStore(), forecaster));
  const body = JSON.stringify(card);
  return (request, response) => {
    if (request.method === 'GET' && request.url === cardPath) return answer(response, 200, body);
    if (request.method !== 'POST' || request.url !== '/') return answer(response, 404, '{"error":"not found"}');
    call(rpc, request).then(
      (text) => answer(response, 200, text),
      (error: unknown) => answer(response, 400, JSON.stringify({ error: String(error) })),
    );
  };
}

function weatherCard(url: string): AgentCard {
  return {
    name: 'Weather',
    description: 'Tells what the weather will be like.',
    version: '1.0.0',
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' }],
    provider: undefined,
    capabilities: { streaming: false, pushNotifications: false, extensions: [] },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [
      {
        id: 'forecast',
        name: 'Forecast',
        description: 'Forecasts the weather of a place.',
        tags: ['weather'],
        examples: ['Will it rain in Oslo?'],
        inputModes: [],
        outputModes: [],
        securityRequirements: [],
      },
    ],
    signatures: [],
  };
}

const forecaster: AgentExecutor = {
  execute: async ({ contextId, userMessage }, bus) => {
    const [part] = userMessage.parts;
    const question = part?.content?.$case === 'text' ? part.content.value : 'nothing';
    bus.publish(AgentEvent.message({ ...textMessage(`Sunny. (You asked: ${question})`, 'agent'), contextId }));
    bus.finished();
  },
  cancelTask: async () => {},
};

type Message = Parameters<typeof AgentEvent.message>[0];
const roles = { user: 1, agent: 2 } as const;

export function textMessage(text: string, role: keyof typeof roles): Message {
  return {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role: roles[role],
    parts: [{ content: { $case: 'text', value: text }, metadata: undefined, filename: '', mediaType: 'text/plain' }],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
}

async function call(rpc: JsonRpcTransportHandler, request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > longestRequest) throw new Error('the request is too long');
    chunks.push(chunk);
  }
  const version = request.headers['a2a-version'];
  const context = new ServerCallContext(typeof version === 'string' ? { requestedVersion: version } : {});
  return JSON.stringify(await rpc.handle(Buffer.concat(chunks).toString(), context));
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
