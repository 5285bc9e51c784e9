/** What a condition says, before it is written: the reason and what was seen. */
export interface Outcome<Reason extends string> {
  readonly ok: boolean;
  readonly reason: Reason;
  /** What was seen; the remedy is added where the message is written. */
  readonly message: string;
  /** Instead of the reason's own remedy. */
  readonly todo?: string;
}

export function no<Reason extends string>(reason: Reason, message: string): Outcome<Reason> {
  return { ok: false, reason, message };
}
