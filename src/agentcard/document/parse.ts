import { ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import type { CardView } from './card-view.ts';
import { FieldReader } from './fields.ts';
import { isObject, type JsonObject, type JsonValue } from './json.ts';
import { parseStrictJson } from './strict-json.ts';
import { isVersion0, viewVersion0 } from './version-0.ts';
import { viewVersion1 } from './version-1.ts';

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
  const readings = shapes.filter(({ isClaimed }) => isClaimed(raw)).map(({ read }) => reading(raw, read));
  // A2A 1.x comes first, so it wins where a card is valid as both, and where it is as far from valid as 0.x.
  const [nearest] = readings.sort((a, b) => a.fields.faults - b.fields.faults);
  if (nearest === undefined) {
    return invalid('$: expected "supportedInterfaces" (A2A 1.x) or "url" (A2A 0.x), found neither: not an AgentCard');
  }
  const { complaint } = nearest.fields;
  return complaint === undefined ? ok({ raw, view: nearest.view }) : invalid(complaint);
}

type Read = (raw: JsonObject, fields: FieldReader) => CardView;

/** What is valid decides which one a card is; a member that only one of them has makes it worth a reading. */
const shapes = [
  { isClaimed: (raw: JsonObject) => raw.supportedInterfaces !== undefined, read: viewVersion1 },
  { isClaimed: isVersion0, read: viewVersion0 },
];

function reading(raw: JsonObject, read: Read) {
  const fields = new FieldReader();
  return { view: read(raw, fields), fields };
}

function invalid(message: string): Result<never> {
  return refused('CardInvalid', message);
}
