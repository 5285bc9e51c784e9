import * as z from 'zod';
import { durationMs } from '../api/time.ts';
import { holdsRange } from '../network/ranges.ts';

/** How the values of flags are written, for every program of this project. */
export const boolean = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A Go duration, read as whole milliseconds. Timers have bounds: Node takes what is beyond them for one millisecond. */
export const durationTo = (most: string) =>
  z.string().transform((text, context) => {
    const ms = durationMs(text);
    if (ms !== undefined && ms >= 1 && ms <= (durationMs(most) ?? 0)) return Math.round(ms);
    context.addIssue({ code: 'custom', message: `must be a duration of 1ms to ${most}, such as 5s, 10m or 1h30m` });
    return z.NEVER;
  });

/** Of a file, or none. */
export const optionalPath = z.string().regex(/^(\S(.*\S)?)?$/, 'must be a path without spaces at its ends');

const port = '([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
export const address = z
  .string()
  .regex(
    new RegExp(`^(0|([A-Za-z0-9.-]*|\\[[0-9A-Fa-f:.]+\\]):${port})$`),
    'must be [host]:port with a port up to 65535, or 0 to turn it off',
  )
  // What YAML makes of a port alone is a whole number; the chart then tells how to write it.
  .meta({ minimum: 0, maximum: 65_535 });

/** Texts by commas, each fitting a pattern; in the values of a chart a list as well. */
export const listOf = (item: string, isNone: string) => {
  const pattern = `^(\\s*${item}\\s*(,\\s*${item}\\s*)*)?$`;
  return z
    .string()
    .regex(new RegExp(pattern), isNone)
    .meta({ items: { type: 'string', pattern } })
    .transform((text) => (text === '' ? [] : text.split(',').map((one) => one.trim())));
};

// Few words, as helm quotes the pattern; what else is none is found by trying.
const octet = '(25[0-5]|(2[0-4]|1?[0-9])?[0-9])';
const range4 = `(${octet}\\.){3}${octet}/0?(3[0-2]|[0-2]?[0-9])`;
const range6 = '[0-9a-fA-F:.]*:[0-9a-fA-F:.]*/(12[0-8]|1[01][0-9]|0?[0-9]{1,2})';
const isNoRange = 'must be address ranges by commas, for example 10.0.0.10/32 or fd00::/8';
/** By commas, each with its prefix length. */
export const addressRanges = listOf(`(${range4}|${range6})`, isNoRange).refine(
  (ranges) => ranges.every((range) => holdsRange(range, range)),
  isNoRange,
);

/** A trust domain by itself, or none. */
export const trustDomainName = z
  .string()
  .regex(/^[a-z0-9._-]{0,255}$/, 'must be a trust domain alone, in lower case and without spiffe://: example.org');
