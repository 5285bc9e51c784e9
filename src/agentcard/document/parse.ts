import { ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { type CardView, viewCommon } from './card-view.ts';
import { FieldReader } from './fields.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { parseStrictJson } from './strict-json.ts';
import { isVersion0, viewVersion0 } from './version-0.ts';

export type { CardInterface, CardView } from './card-view.ts';

/** `raw` is the document as received, unknown fields and `signatures` included. */
export interface CardDocument {
  readonly raw: JsonObject;
  readonly view: CardView;
}

/**
 * Reads an AgentCard of A2A 1.x or 0.x. Errors: those of {@link parseStrictJson} for bytes, else `CardInvalid` with the JSON path
 * and what is expected there. Fields that ProtoJSON leaves out when empty may be absent, unknown fields are kept,
 * names are matched exactly, and types are never converted.
 */
export function parseCardDocument(input: Uint8Array | JsonValue): Result<CardDocument> {
  const json = input instanceof Uint8Array ? parseStrictJson(input) : ok(input);
  if (!json.ok) return json;
  const raw = json.value;
  if (!isObject(raw)) return invalid('$: expected an object');
  const fields = new FieldReader();
  const view = viewOf(raw, fields);
  if (view === undefined) {
    return invalid('$: expected "supportedInterfaces" (A2A 1.x) or "url" (A2A 0.x), found neither: not an AgentCard');
  }
  return fields.complaint === undefined ? ok({ raw, view }) : invalid(fields.complaint);
}

/** A2A 1.x wins where a card carries both shapes, and then its 0.x fields are not read at all. */
function viewOf(raw: JsonObject, fields: FieldReader): CardView | undefined {
  const { supportedInterfaces } = raw;
  if (Array.isArray(supportedInterfaces) && supportedInterfaces.length > 0) return viewVersion1(raw, fields);
  if (isVersion0(raw)) return viewVersion0(raw, fields);
  return supportedInterfaces === undefined ? undefined : viewVersion1(raw, fields);
}

function viewVersion1(raw: JsonObject, fields: FieldReader): CardView {
  const interfaces = fields.objects(raw, '$', 'supportedInterfaces').map((item, index) => ({
    url: fields.requiredText(item, `$.supportedInterfaces[${index}]`, 'url'),
    binding: fields.requiredText(item, `$.supportedInterfaces[${index}]`, 'protocolBinding'),
    protocolVersion: fields.requiredText(item, `$.supportedInterfaces[${index}]`, 'protocolVersion'),
  }));
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

function invalid(message: string): Result<never> {
  return refused('CardInvalid', message);
}
