import * as z from 'zod';
import { longestText } from './budget.ts';

/** The words of which the schemas of the kind are made; keys starting with x-kubernetes- pass through to the CRD. */

/** A text that fits a pattern, refused by the API server in words: "should match '^(…" helps nobody. */
export const fitting = (pattern: RegExp, message: string) =>
  z
    .string()
    .refine((text) => pattern.test(text), message)
    .meta({ 'x-kubernetes-validations': [{ rule: `self.matches(${celText(pattern.source)})`, message }] });

export const celText = (text: string) => `'${text.replaceAll('\\/', '/').replaceAll('\\', '\\\\')}'`;

export const shortText = (max: number) => z.string().max(max);
/** What an agent may have chosen. */
export const chosenText = () => shortText(longestText);
/** SHA-256 in hexadecimal. */
export const hash = () => shortText(64);
export const time = () => z.string().meta({ format: 'date-time' });
/** What may be left out. */
export const maybe = <T extends z.ZodType>(words: string, schema: T) => schema.optional().describe(words);
export const part = <T extends z.ZodRawShape>(words: string, fields: T) => maybe(words, z.object(fields));
/** Objects that go by one of their fields. */
export const listBy = <T extends z.ZodType>(key: string, item: T) =>
  z.array(item).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });

export const spiffeIdPattern = 'spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+';
export const spiffeIdWords = 'must be a SPIFFE ID with a path, such as spiffe://example.org/ns/default/sa/agent';
export const spiffeId = fitting(new RegExp(`^${spiffeIdPattern}$`), spiffeIdWords);

export const objectName = () => fitting(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be the name of an object').max(253);
