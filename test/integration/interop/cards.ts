import type { JsonObject } from '../../../src/agentcard/document/json.ts';

const skill = { id: 'forecast', name: 'Forecast', description: 'Forecasts the weather.', tags: ['weather'] };

/** What every toolchain agrees on: A2A 1.0 without empty values, in ASCII, without numbers. */
const plain: JsonObject = {
  name: 'Weather',
  description: 'Tells what the weather will be like.',
  supportedInterfaces: [{ url: 'https://weather.demo.svc/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  version: '1.0.0',
  capabilities: { streaming: true, pushNotifications: false },
  securitySchemes: { bearer: { httpAuthSecurityScheme: { scheme: 'Bearer' } } },
  securityRequirements: [{ schemes: { bearer: { list: ['read'] } } }],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [skill],
};

const parameters = (params: JsonObject): JsonObject => ({
  ...plain,
  capabilities: { streaming: true, extensions: [{ uri: 'https://example.org/extension', params }] },
});

/** Cards of A2A 1.0, each with one thing on which canonical forms differ. */
export const cards: Readonly<Record<string, JsonObject>> = {
  'no empty values, ASCII, no numbers': plain,
  'other scripts': { ...plain, name: 'Wetter für Zürich', description: '天気 😀 \u2028' },
  'numbers in extension parameters': parameters({ limit: 5, share: 0.5, tiny: 1e-7, huge: 1e21 }),
  'empty REQUIRED fields': { ...plain, description: '', skills: [] },
  'empty values in extension parameters': parameters({ a: '', b: [], c: {}, d: [''], e: null }),
  'an implicit default (required: false)': {
    ...plain,
    capabilities: { extensions: [{ uri: 'https://example.org/extension', required: false }] },
  },
  'an empty message (mutual TLS scheme)': { ...plain, securitySchemes: { mtls: { mtlsSecurityScheme: {} } } },
  'an unknown field': { ...plain, 'x-vendor': { since: 'today' } },
  'an interface of A2A 0.3': {
    ...plain,
    supportedInterfaces: [{ url: 'https://weather.demo.svc/', protocolBinding: 'JSONRPC', protocolVersion: '0.3' }],
  },
};
