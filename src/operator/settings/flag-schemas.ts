import * as z from 'zod';
import { durationMs } from '../api/time.ts';

/** How the values of flags are written, for every program of this project. */
export const boolean = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A Go duration, read as milliseconds. */
export const duration = z.string().transform((text, context) => {
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue({ code: 'custom', message: 'must be a duration such as 5s, 10m or 1h30m' });
  return z.NEVER;
});

export const address = z.string().regex(/^(0|[^\s]*:[0-9]{1,5})$/, 'must be [host]:port, or 0 to turn it off');
