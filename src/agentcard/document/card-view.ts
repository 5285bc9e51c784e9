import type { FieldReader } from './fields.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** Where an agent answers. `url` may be `host:port` for gRPC (A2A 1.x, AgentInterface). */
export interface CardInterface {
  readonly url: string;
  readonly binding: string;
  readonly protocolVersion: string;
}

/** What is read of a card, the same for every version of A2A. */
export interface CardView {
  readonly shape: '1.x' | '0.x';
  readonly name: string;
  readonly description: string;
  readonly version: string;
  /** Of the preferred interface; empty where the card does not say (A2A before 0.2.5). */
  readonly protocolVersion: string;
  /** Of the preferred interface, which is `interfaces[0]`. */
  readonly url: string;
  readonly interfaces: readonly CardInterface[];
  readonly skills: number;
  /** As served, not looked into. */
  readonly signatures: readonly JsonValue[];
}

/** The fields that every version of A2A has. */
export function viewCommon(raw: JsonObject, fields: FieldReader) {
  fields.object(raw, '$', 'capabilities');
  fields.texts(raw, '$', 'defaultInputModes');
  fields.texts(raw, '$', 'defaultOutputModes');
  const skills = fields.objects(raw, '$', 'skills');
  skills.forEach((skill, index) => {
    for (const key of ['id', 'name', 'description']) fields.text(skill, `$.skills[${index}]`, key);
    for (const key of ['tags', 'examples']) fields.texts(skill, `$.skills[${index}]`, key);
  });
  return {
    name: fields.requiredText(raw, '$', 'name'),
    description: fields.text(raw, '$', 'description'),
    version: fields.requiredText(raw, '$', 'version'),
    skills: skills.length,
    signatures: fields.list(raw, '$', 'signatures'),
  };
}
