/** What the command tells the page: plain JSON, every text plain and cut. */

/** One card in the table. */
export interface Row {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** The agent's own name; '' where it has none that can be shown. */
  readonly agent: string;
  readonly workload: string;
  readonly ready: 'True' | 'False' | 'Unknown';
  /** Ready's. */
  readonly reason: string;
  readonly message: string;
  readonly quarantined: boolean;
  /** Since when trust rests on earlier evidence. */
  readonly heldSince: string | null;
  /** When trust ends unless something renews it. */
  readonly endsAt: string | null;
  /** When its verdict, or its card, last changed. */
  readonly changedAt: string;
  /** Another one: something of the card is new. */
  readonly version: string;
}

/** How much of a kind is seen. */
export interface Sight {
  readonly state: 'loading' | 'live' | 'denied' | 'absent' | 'lost';
  readonly of: 'cluster' | 'namespace';
  /** Why, where it is not live. */
  readonly message: string;
}

export interface Seeing {
  readonly cards: Sight;
  readonly events: Sight;
  readonly policies: Sight;
  /** The API server. */
  readonly server: string;
  /** What is seen where the whole cluster may not be. */
  readonly namespace: string;
  /** Since when the operator's brake holds trust. */
  readonly brakeSince: string | null;
}

/** A difference from what was told before; `all`: instead of it. */
export interface Told {
  readonly all: boolean;
  readonly rows: readonly Row[];
  readonly gone: readonly string[];
  /** Cards with new events. */
  readonly touched: readonly string[];
  /** Another one: what packets may do can have changed. */
  readonly network: number;
  readonly seeing: Seeing | null;
}
