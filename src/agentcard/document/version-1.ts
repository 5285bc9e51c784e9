import { type CardView, viewCommon } from './card-view.ts';
import type { FieldReader } from './fields.ts';
import { isArray, type JsonObject, type JsonValue } from './json.ts';

/** A2A 1.x: the first of the interfaces is the preferred one. */
export function viewVersion1(raw: JsonObject, fields: FieldReader): CardView {
  const protocolVersion = versionAtRoot(raw);
  const interfaces = fields.objects(raw, '$', 'supportedInterfaces').map((item, index) => {
    const at = `$.supportedInterfaces[${index}]`;
    return {
      url: fields.requiredText(item, at, 'url'),
      binding: fields.requiredText(item, at, 'protocolBinding'),
      protocolVersion: fields.requiredText(item.protocolVersion ? item : { protocolVersion }, at, 'protocolVersion'),
    };
  });
  const [preferred] = interfaces;
  if (preferred === undefined) {
    fields.expect('$.supportedInterfaces', 'a non-empty array', raw.supportedInterfaces);
  }
  return {
    shape: '1.x',
    ...viewCommon(raw, fields),
    protocolVersion: preferred?.protocolVersion ?? '',
    url: preferred?.url ?? '',
    interfaces,
  };
}

/** Where drafts of 1.0 had it, and some servers still do. That of a 0.x card says nothing of an interface of 1.x. */
function versionAtRoot({ protocolVersion = null, protocolVersions = null }: JsonObject): JsonValue {
  const named = [protocolVersion, ...(isArray(protocolVersions) ? protocolVersions : [])];
  return named.find((version) => typeof version === 'string' && /^(?!0\.)./.test(version)) ?? null;
}
