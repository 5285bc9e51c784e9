import { emptyObject, isArray, isObject, type JsonObject, type JsonValue } from '../document/json.ts';
import { withoutSignatures } from './canonical.ts';

/**
 * The messages of A2A 1.0 (a2a.proto, AgentCard) as far as signatures depend on them. `[]` = repeated, `{}` = map of.
 * `R` = REQUIRED and `O` = `optional`: kept at their default; neither: a default is the same as absence. Messages are kept.
 */
const proto = {
  AgentCard: {
    name: 'string R',
    description: 'string R',
    supportedInterfaces: '[]AgentInterface R',
    provider: 'AgentProvider',
    version: 'string R',
    documentationUrl: 'string O',
    capabilities: 'AgentCapabilities R',
    securitySchemes: '{}SecurityScheme',
    securityRequirements: '[]SecurityRequirement',
    defaultInputModes: '[]string R',
    defaultOutputModes: '[]string R',
    skills: '[]AgentSkill R',
    iconUrl: 'string O',
  },
  AgentInterface: { url: 'string R', protocolBinding: 'string R', tenant: 'string', protocolVersion: 'string R' },
  AgentProvider: { url: 'string R', organization: 'string R' },
  AgentCapabilities: {
    streaming: 'boolean O',
    pushNotifications: 'boolean O',
    extensions: '[]AgentExtension',
    extendedAgentCard: 'boolean O',
  },
  AgentExtension: { uri: 'string', description: 'string', required: 'boolean', params: 'Struct' },
  AgentSkill: {
    id: 'string R',
    name: 'string R',
    description: 'string R',
    tags: '[]string R',
    examples: '[]string',
    inputModes: '[]string',
    outputModes: '[]string',
    securityRequirements: '[]SecurityRequirement',
  },
  SecurityRequirement: { schemes: '{}StringList' },
  StringList: { list: '[]string' },
  SecurityScheme: {
    apiKeySecurityScheme: 'APIKeySecurityScheme',
    httpAuthSecurityScheme: 'HTTPAuthSecurityScheme',
    oauth2SecurityScheme: 'OAuth2SecurityScheme',
    openIdConnectSecurityScheme: 'OpenIdConnectSecurityScheme',
    mtlsSecurityScheme: 'MutualTlsSecurityScheme',
  },
  APIKeySecurityScheme: { description: 'string', location: 'string R', name: 'string R' },
  HTTPAuthSecurityScheme: { description: 'string', scheme: 'string R', bearerFormat: 'string' },
  OAuth2SecurityScheme: { description: 'string', flows: 'OAuthFlows R', oauth2MetadataUrl: 'string' },
  OpenIdConnectSecurityScheme: { description: 'string', openIdConnectUrl: 'string R' },
  MutualTlsSecurityScheme: { description: 'string' },
  OAuthFlows: {
    authorizationCode: 'AuthorizationCodeOAuthFlow',
    clientCredentials: 'ClientCredentialsOAuthFlow',
    implicit: 'ImplicitOAuthFlow',
    password: 'PasswordOAuthFlow',
    deviceCode: 'DeviceCodeOAuthFlow',
  },
  AuthorizationCodeOAuthFlow: {
    authorizationUrl: 'string R',
    tokenUrl: 'string R',
    refreshUrl: 'string',
    scopes: '{}string R',
    pkceRequired: 'boolean',
  },
  ClientCredentialsOAuthFlow: { tokenUrl: 'string R', refreshUrl: 'string', scopes: '{}string R' },
  ImplicitOAuthFlow: { authorizationUrl: 'string', refreshUrl: 'string', scopes: '{}string' },
  PasswordOAuthFlow: { tokenUrl: 'string', refreshUrl: 'string', scopes: '{}string' },
  DeviceCodeOAuthFlow: {
    deviceAuthorizationUrl: 'string R',
    tokenUrl: 'string R',
    refreshUrl: 'string',
    scopes: '{}string R',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Field {
  readonly type: string;
  readonly container: '[]' | '{}' | '';
  readonly keptAtDefault: boolean;
}

const messages: ReadonlyMap<string, ReadonlyMap<string, Field>> = new Map(
  Object.entries(proto).map(([message, fields]) => [message, new Map(Object.entries(fields).map(readField))]),
);

function readField([name, text]: [string, string]): [string, Field] {
  const [, container = '', type = '', presence] = /^(\[\]|\{\}|)(\w+)(?: ([RO]))?$/.exec(text) ?? [];
  const isMessage = container === '' && !['string', 'boolean'].includes(type);
  return [
    name,
    { type, container: container as Field['container'], keptAtDefault: isMessage || presence !== undefined },
  ];
}

/** A value has not the type that the message gives it: forms that depend on types do not apply to such a card. */
export class TypeMismatch extends Error {}

export type UnknownFields = 'keep' | 'drop';

/** The card under the presence rules of A2A 1.0, 8.4.1, without `signatures`. Throws {@link TypeMismatch}; converts nothing. */
export function applyPresence(card: JsonObject, unknown: UnknownFields): JsonObject {
  return message(withoutSignatures(card), 'AgentCard', unknown);
}

function message(value: JsonValue, type: string, unknown: UnknownFields): JsonObject {
  const source = objectOf(value);
  const fields = messages.get(type);
  const result = emptyObject();
  for (const [key, item] of Object.entries(source)) {
    const field = fields?.get(key);
    if (field === undefined) {
      if (unknown === 'keep') result[key] = item;
    } else if (item !== null) {
      const kept = fieldValue(item, field, unknown);
      if (field.keptAtDefault || !isDefault(kept)) result[key] = kept;
    }
  }
  return result;
}

function fieldValue(value: JsonValue, field: Field, unknown: UnknownFields): JsonValue {
  if (field.container === '') return single(value, field.type, unknown);
  if (field.container === '[]') {
    if (!isArray(value)) throw new TypeMismatch();
    return value.map((item) => single(item, field.type, unknown));
  }
  const result = emptyObject();
  for (const [key, item] of Object.entries(objectOf(value))) result[key] = single(item, field.type, unknown);
  return result;
}

function single(value: JsonValue, type: string, unknown: UnknownFields): JsonValue {
  if (type === 'Struct') return objectOf(value);
  if (messages.has(type)) return message(value, type, unknown);
  if (typeof value !== type) throw new TypeMismatch();
  return value;
}

function objectOf(value: JsonValue): JsonObject {
  if (isObject(value)) return value;
  throw new TypeMismatch();
}

function isDefault(value: JsonValue): boolean {
  if (value === '' || value === false) return true;
  if (isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
