/** What every reader of hostile bytes answers: a value, or a fault with a stable code and a message for people. */

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Fault };

export interface Fault {
  readonly code: string;
  readonly message: string;
}

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });

export function refused(code: string, message: string): { readonly ok: false; readonly error: Fault } {
  return { ok: false, error: { code, message } };
}
