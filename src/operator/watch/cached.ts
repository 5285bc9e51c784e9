import { canonicalize, type JsonValue, sha256 } from '@agentcard-operator/agentcard';
import type { KubeObject } from '@agentcard-operator/kube/objects';
import type { AgentCard, AgentCardStatus } from '../api/agentcard.ts';
import type { Workload } from '../workload/workload.ts';

/** An AgentCard as the cache keeps it: what is long in its status, and only compared, is replaced by its hash. */
export interface CachedCard extends Omit<AgentCard, 'status'> {
  readonly status?: Omit<AgentCardStatus, 'card' | 'callers'>;
  readonly publishedHash?: string | undefined;
  readonly callersHash?: string | undefined;
}

/** '' for what is nested deeper than anything that the operator writes: the rest of the object is kept even so. */
export function hashOf(part: object): string {
  try {
    return sha256(canonicalize(part as JsonValue));
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}

/** So many different ones, of so many characters as JSON; then they are collected anew. What is longer, somebody made so. */
const mostShared = 2_048;
const longestShared = 2_048;
const pool = new Map<string, unknown>();

/** Parts that are equal in thousands of objects are kept once. */
export function shared<T>(part: T): T {
  const text = JSON.stringify(part);
  if (text.length > longestShared) return part;
  const known = pool.get(text);
  if (known !== undefined) return known as T;
  if (pool.size >= mostShared) pool.clear();
  pool.set(text, part);
  return part;
}

/** Freshly parsed JSON in which no text stands twice: a status says the same in many places. */
export function compact<T>(value: T, texts = new Map<string, string>()): T {
  if (typeof value === 'string') {
    const known = texts.get(value);
    if (known === undefined) texts.set(value, value);
    return (known ?? value) as T;
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members)) members[key] = compact(members[key], texts);
  return value;
}

/** The same object, with these members shared as far as they are there. */
export function sharing<T extends object>(object: T, ...names: readonly (keyof T)[]): T {
  const there = names.filter((name) => object[name] !== undefined);
  return { ...object, ...Object.fromEntries(there.map((name) => [name, shared(object[name])])) };
}

/** A workload as it is cached: what the operator needs, read once. */
export interface CachedWorkload extends KubeObject {
  /** Undefined while the object lacks what its kind requires. */
  readonly workload: Workload | undefined;
  /** It lacks that because it was suspended before it had its first pod. */
  readonly unborn?: boolean;
}
