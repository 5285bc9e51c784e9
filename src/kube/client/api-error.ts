/** The part of a Kubernetes `Status` that decides what to do next. */
interface StatusBody {
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown; readonly causes?: unknown } | null;
}

const maxMessage = 500;
const maxRetryAfterMs = 120_000;

/** Why no answer arrived (`code` 0). `NotLeader` was refused before anything was sent. */
export type TransportReason =
  | 'Aborted'
  | 'ConnectionFailed'
  | 'CredentialsUnavailable'
  | 'Malformed'
  | 'NotLeader'
  | 'Silent'
  | 'StaleConnection'
  | 'Timeout'
  | 'TooLarge'
  | 'Truncated';

/** A call that failed: `code` is the HTTP status, or 0 when no complete answer arrived. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  /** The `reason` of the Kubernetes Status, else a {@link TransportReason}. */
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  /** Reasons in `details.causes`, for example `ResourceVersionTooLarge`. */
  readonly causes: readonly string[];

  constructor(code: number, reason: string, message: string, more: { retryAfterMs?: number; causes?: string[] } = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = more.retryAfterMs;
    this.causes = more.causes ?? [];
  }

  static transport(reason: TransportReason, message: string): ApiError {
    return new ApiError(0, reason, message);
  }

  /** From an error answer: `body` is whatever came with it, `header` the Retry-After header in seconds. */
  static fromStatus(code: number, body: unknown, header?: string): ApiError {
    const status: StatusBody = typeof body === 'object' && body !== null ? body : {};
    const reason = typeof status.reason === 'string' ? excerpt(status.reason, 64) : 'Unknown';
    const said = typeof status.message === 'string' ? excerpt(status.message, maxMessage) : 'no message';
    const retryAfterMs = retryAfter(header) ?? retryAfter(status.details?.retryAfterSeconds);
    return new ApiError(code, reason, `API server answered ${code} ${reason}: ${said}`, {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      causes: causeReasons(status.details?.causes),
    });
  }
}

/** Any thrown value as an ApiError, so that callers have one shape to judge. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const said = error instanceof Error ? error.message : String(error);
  return ApiError.transport('ConnectionFailed', excerpt(said, maxMessage));
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof ApiError && error.code === code;
}

function retryAfter(seconds: unknown): number | undefined {
  const value = Number(seconds ?? Number.NaN);
  return value >= 0 ? Math.min(value * 1000, maxRetryAfterMs) : undefined;
}

function causeReasons(causes: unknown): string[] {
  if (!Array.isArray(causes)) return [];
  return causes.slice(0, 10).flatMap((cause: { reason?: unknown } | null) => {
    return typeof cause?.reason === 'string' ? [excerpt(cause.reason, 64)] : [];
  });
}

/** Shortened and without control characters: the text goes to logs and terminals. */
function excerpt(text: string, max: number): string {
  const clean = text.slice(0, max).replaceAll(/\p{Cc}/gu, ' ');
  return text.length > max ? `${clean}…` : clean;
}
