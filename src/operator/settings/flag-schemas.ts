import * as z from 'zod';
import { durationMs } from '../api/time.ts';
import { holdsRange } from '../network/ranges.ts';

/** How the values of flags are written, for every program of this project. */
export const boolean = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A Go duration, read as milliseconds. */
export const duration = z.string().transform((text, context) => {
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: 'must be a duration such as 5s, 10m or 1h30m' });
  return z.NEVER;
});

export const address = z
  .string()
  .regex(/^(0|[^\s]*:[0-9]{1,5})$/, 'must be [host]:port, or 0 to turn it off')
  .meta({ minimum: 0, maximum: 0 });

export const addressRange = '(?:[0-9]{1,3}(?:\\.[0-9]{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)/[0-9]{1,3}';
const isNoRange = 'must be address ranges by commas, for example 10.0.0.10/32 or fd00::/8';
/** By commas, each with its prefix length. */
export const addressRanges = z
  .string()
  .regex(new RegExp(`^(?:${addressRange}(?:, *${addressRange})*)?$`), isNoRange)
  .transform((text) => (text === '' ? [] : text.split(/, */)))
  .refine((ranges) => ranges.every((range) => holdsRange(range, range)), isNoRange);

/** A trust domain by itself, or none. */
export const trustDomainName = z
  .string()
  .regex(/^[a-z0-9._-]{0,255}$/, 'must be a trust domain alone, in lower case and without spiffe://: example.org');
