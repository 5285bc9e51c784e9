import type { Row } from '../view.ts';
import type { Filter } from './route.ts';

/** How a card stands, the most urgent first. */
export const standings = ['quarantined', 'braked', 'held', 'expiring', 'distrusted', 'unjudged', 'ready'] as const;
export type Standing = (typeof standings)[number];

export interface Moment {
  readonly now: number;
  readonly braked: boolean;
}

const hourMs = 3_600_000;
/** A signature that ends sooner than this, or held trust, is told. */
const soonMs = 15 * 60_000;

export function standingOf(row: Row, { now, braked }: Moment): Standing {
  if (row.quarantined) return 'quarantined';
  if (row.heldSince !== null) return braked ? 'braked' : 'held';
  if (row.ready === 'Unknown') return 'unjudged';
  if (row.ready === 'False') return 'distrusted';
  const left = row.endsAt === null ? Infinity : Date.parse(row.endsAt) - now;
  return left > 0 && left < soonMs ? 'expiring' : 'ready';
}

export function isRecent(row: Row, now: number): boolean {
  return now - Date.parse(row.changedAt) < hourMs;
}

/** The most urgent first, then by key. */
export function ordered(rows: Iterable<Row>, moment: Moment): Row[] {
  const ranked = [...rows].map((row) => ({ row, rank: standings.indexOf(standingOf(row, moment)) }));
  ranked.sort((a, b) => a.rank - b.rank || (a.row.key < b.row.key ? -1 : 1));
  return ranked.map(({ row }) => row);
}

export function filtered(rows: readonly Row[], filter: Filter, now: number): Row[] {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (filter.ns !== '' && row.namespace !== filter.ns) return false;
    if (filter.reason !== '' && row.reason !== filter.reason) return false;
    if (filter.recent !== '' && !isRecent(row, now)) return false;
    const text = `${row.key} ${row.agent} ${row.workload} ${row.reason} ${row.message}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** How many of each, the most first. */
export function countsBy(rows: readonly Row[], of: (row: Row) => string): (readonly [string, number])[] {
  const groups = [...Map.groupBy(rows, of)].map(([name, some]) => [name, some.length] as const);
  return groups.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
