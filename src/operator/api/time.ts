// Escaped, since one letter beyond Latin-1 doubles what a bundled program takes in memory.
const micro = '\u00b5s';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  [micro]: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** A positive Go duration; so few digits that none overflows Go's 63 bits of nanoseconds, on which CEL would err. */
export const goDuration = new RegExp(
  String.raw`^(([0-9]{1,5}(\.[0-9]{1,9})?h)|([0-9]{1,7}(\.[0-9]{1,9})?m)|([0-9]{1,9}(\.[0-9]{1,9})?(ns|us|${micro}|ms|s))){1,8}$`,
);

/** A Go duration ("1h30m", "5s") in milliseconds; undefined when it is none. */
export function durationMs(text: string): number | undefined {
  if (!goDuration.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)([^0-9.]+)/g)) {
    total += Number(number) * (unitMs[unit ?? ''] ?? 0);
  }
  return total;
}

/** A time of a stored status, which others may have written: undefined where it is none, or one of no year that can be written. */
export function storedTime(text: string | undefined): number | undefined {
  const at = text === undefined ? NaN : Date.parse(text);
  return at >= 0 && at <= Date.UTC(9999, 11, 31, 23, 59, 59) ? at : undefined;
}

/** RFC 3339 in whole seconds, as Kubernetes stores times. */
export function isoTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
