/** What a person orders about one card; pure, and the same in the page and in the command. */
export interface Order {
  readonly action: 'quarantine' | 'release' | 'approve';
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
  readonly cardId: string;
}

/** The longest reason that the kind takes, in characters. */
export const longestReason = 256;

/** The words of the command line that does it. */
export function wordsOf({ action, namespace, name, reason, cardId }: Order): string[] {
  const what = { quarantine: [`--reason=${reason}`], release: [], approve: [`--card-id=${cardId}`] };
  return [action, name, `--namespace=${namespace}`, ...what[action]];
}

/** As one types it into a shell. */
export function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`,
  );
  return ['kubectl agentcard', ...quoted].join(' ');
}

const name = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/** Undefined where it is none: what a page sends is not believed. */
export function orderFrom(text: string): Order | undefined {
  const { action, namespace, name: called, reason, cardId } = membersOf(text);
  if (action !== 'quarantine' && action !== 'release' && action !== 'approve') return undefined;
  const [home, card, why, id] = [namespace, called, reason, cardId].map((one) => (typeof one === 'string' ? one : ''));
  if (!name.test(home ?? '') || !name.test(card ?? '') || (why ?? '').length > longestReason) return undefined;
  if (action === 'quarantine' && why?.trim() === '') return undefined;
  if (action === 'approve' && !/^[0-9a-f]{64}$/.test(id ?? '')) return undefined;
  return { action, namespace: home ?? '', name: card ?? '', reason: why ?? '', cardId: id ?? '' };
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
