import { type CardInterface, type CardView, viewCommon } from './card-view.ts';
import type { FieldReader } from './fields.ts';
import type { JsonObject } from './json.ts';

// A2A 0.x. When no agent serves it any more, delete this file and its use in parse.ts.

const onlyInVersion0 = ['url', 'preferredTransport', 'additionalInterfaces', 'supportsAuthenticatedExtendedCard'];

export function isVersion0(raw: JsonObject): boolean {
  return onlyInVersion0.some((key) => raw[key] !== undefined);
}

/** A2A 0.2 and 0.3: the preferred interface is spelled out at the top; before 0.2.5 there was no `protocolVersion`. */
export function viewVersion0(raw: JsonObject, fields: FieldReader): CardView {
  const protocolVersion = fields.text(raw, '$', 'protocolVersion');
  const preferred: CardInterface = {
    url: fields.requiredText(raw, '$', 'url'),
    binding: fields.text(raw, '$', 'preferredTransport') || 'JSONRPC',
    protocolVersion,
  };
  const others = fields.objects(raw, '$', 'additionalInterfaces').map((item, index) => ({
    url: fields.requiredText(item, `$.additionalInterfaces[${index}]`, 'url'),
    binding: fields.requiredText(item, `$.additionalInterfaces[${index}]`, 'transport'),
    protocolVersion,
  }));
  // Servers repeat the preferred interface among the additional ones (A2A 0.3, 5.6.3).
  const further = others.filter(({ url, binding }) => url !== preferred.url || binding !== preferred.binding);
  return {
    shape: '0.x',
    ...viewCommon(raw, fields),
    protocolVersion,
    url: preferred.url,
    interfaces: [preferred, ...further],
  };
}
