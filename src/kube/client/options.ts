/** What callers of the client choose, and what they get to know. */

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface Selector {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends Selector, CallOptions {
  readonly limit?: number;
  readonly continue?: string;
  /** Of one answer. */
  readonly maxBytes?: number;
  /** Items with `metadata` alone. */
  readonly metadataOnly?: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export interface PatchOptions extends CallOptions {
  readonly type: 'merge' | 'json' | 'apply';
  readonly subresource?: 'status' | 'scale';
  /** Required for apply. */
  readonly fieldManager?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  /** The answer's `metadata` alone. */
  readonly metadataOnly?: boolean;
}

export interface DeleteOptions extends CallOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** One finished request; `code` is the HTTP status or `<error>` as in client-go. */
export interface FinishedCall {
  readonly method: string;
  readonly host: string;
  readonly code: string;
  readonly seconds: number;
}

/** What a client reports about itself, for metrics. */
export interface ClientTelemetry {
  finished?(call: FinishedCall): void;
}

export interface ClientOptions {
  /** For every call, whatever it asks for itself; endless when infinite. */
  readonly timeoutMs?: number | undefined;
  /** Our name in the API server's audit log; `node`. */
  readonly userAgent?: string;
  readonly telemetry?: ClientTelemetry;
  /** Asked before every write: false means another replica may be the leader, and the write is not sent. */
  readonly fence?: () => boolean;
}
