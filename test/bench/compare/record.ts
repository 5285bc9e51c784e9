/** What is stored of a benchmark: its figures with all that they hang on. */
import * as z from 'zod';
import { excerpt } from '../../../src/spiffe/id.ts';
import { units } from './figures.ts';
import type { Machine } from './machine.ts';

// Names are printed: no control characters.
const text = z
  .string()
  .regex(/^[^\p{C}\p{Z}]+( [^\p{C}\p{Z}]+)*$/u)
  .max(200);
const amount = z.number().nonnegative();

const figure = z.strictObject({
  name: text,
  unit: z.enum(units),
  smallerIsBetter: z.boolean(),
  runs: z.array(amount).min(1).max(100).readonly(),
});

const machine = z.strictObject({
  cpu: text,
  cores: z.int().positive(),
  memoryMiB: z.int().positive(),
  kernel: text,
}) satisfies z.ZodType<Machine>;

const record = z.strictObject({
  schema: z.literal(1),
  takenAt: z.iso.datetime(),
  /** Of the checkout; `+` where it held changes. */
  commit: z.string().regex(/^([0-9a-f]{7,40}\+?|unknown)$/),
  node: text,
  machine,
  /** Of the machine before the first run; more than its cores is a busy one. */
  loadBefore: amount,
  parameters: z.record(text, z.union([z.number(), z.boolean(), text])),
  figures: z.array(figure).min(1).max(200),
});

export type BenchRecord = Readonly<z.infer<typeof record>>;

export type Parsed = { readonly ok: true; readonly record: BenchRecord } | { readonly ok: false; readonly why: string };

/** Pure: the record in a file's text, or what is wrong with it. */
export function parseRecord(json: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { ok: false, why: 'it is no JSON' };
  }
  const { success, data, error } = record.safeParse(value);
  if (success) return { ok: true, record: data };
  const { path = [], code = 'custom' } = error.issues[0] ?? {};
  return { ok: false, why: path.length === 0 ? code : `${excerpt(path.join('.'))}: ${code}` };
}
