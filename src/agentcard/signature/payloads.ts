import type { JsonObject } from '../document/json.ts';
import { sha256 } from '../forms/canonical.ts';
import type { CanonicalForm } from '../forms/forms.ts';

/** A card in one canonical form. */
export interface Payload {
  readonly form: CanonicalForm;
  readonly text: string;
  /** As a JWS spells it. */
  readonly base64url: string;
}

/** The distinct payloads of a card, each written once and only when a signature gets that far. */
export class Payloads implements Iterable<[sha256: string, payload: Payload]> {
  readonly forms: readonly CanonicalForm[];
  readonly written = new Map<string, Payload>();
  readonly #card: JsonObject;
  readonly #untried: IterableIterator<CanonicalForm>;

  constructor(card: JsonObject, forms: readonly CanonicalForm[]) {
    this.forms = forms;
    this.#card = card;
    this.#untried = forms.values();
  }

  *[Symbol.iterator](): Iterator<[string, Payload]> {
    yield* this.written;
    // An array's iterator goes on where the last loop over it stopped.
    for (const form of this.#untried) {
      const text = form.write(this.#card);
      const digest = sha256(text ?? '');
      if (text === undefined || this.written.has(digest)) continue;
      const payload = { form, text, base64url: Buffer.from(text).toString('base64url') };
      this.written.set(digest, payload);
      yield [digest, payload];
    }
  }
}
