import { createHash } from 'node:crypto';
import type { JsonObject } from '../document/json.ts';
import type { CanonicalForm } from '../forms/forms.ts';

/** A card in one canonical form. */
export interface Payload {
  readonly form: CanonicalForm;
  readonly bytes: Uint8Array;
  /** As a JWS signing input spells it. */
  readonly base64url: string;
  readonly sha256: string;
}

/** The distinct payloads of a card, each written once and only when a signature gets that far. */
export class Payloads {
  readonly #card: JsonObject;
  readonly #forms: Iterator<CanonicalForm>;
  readonly #written: Payload[] = [];
  readonly #texts = new Set<string>();

  constructor(card: JsonObject, forms: readonly CanonicalForm[]) {
    this.#card = card;
    this.#forms = forms.values();
  }

  *[Symbol.iterator](): Iterator<Payload> {
    for (let index = 0; ; index += 1) {
      const payload = this.#written[index] ?? this.#writeNext();
      if (payload === undefined) return;
      yield payload;
    }
  }

  #writeNext(): Payload | undefined {
    for (let next = this.#forms.next(); !next.done; next = this.#forms.next()) {
      const text = next.value.write(this.#card);
      if (text === undefined || this.#texts.has(text)) continue;
      this.#texts.add(text);
      const bytes = Buffer.from(text);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const payload = { form: next.value, bytes, base64url: bytes.toString('base64url'), sha256 };
      this.#written.push(payload);
      return payload;
    }
    return undefined;
  }
}
