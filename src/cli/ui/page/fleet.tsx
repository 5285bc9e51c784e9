import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Row } from '../view.ts';
import { countsBy, filtered, isRecent, type Moment, ordered, standingOf } from './fleet-order.ts';
import { go, Link, NamespaceChoice, Part, Verdict, When } from './parts.tsx';
import { type Filter, noFilter } from './route.ts';

export function Fleet({ rows, filter, moment }: { rows: ReadonlyMap<string, Row>; filter: Filter; moment: Moment }) {
  const all = useMemo(() => ordered(rows.values(), moment), [rows, moment]);
  const shown = useMemo(() => filtered(all, filter, moment.now), [all, filter, moment]);
  const set: Change = (change) => go({ view: 'fleet', filter: { ...filter, ...change } }, true);
  return (
    <>
      <Summary rows={all} moment={moment} />
      <Filters rows={all} filter={filter} now={moment.now} set={set} />
      <p class="count" role="status">
        {shown.length === all.length ? '' : `${shown.length} of ${all.length} shown`}
      </p>
      {shown.length > 0 ? (
        <Table rows={shown} moment={moment} />
      ) : (
        <Part kind="notice" title="No agent fits this filter">
          <button type="button" onClick={() => set(noFilter)}>
            Show all {all.length}
          </button>
        </Part>
      )}
    </>
  );
}

const urgent = { quarantined: 'quarantined', braked: 'held by the brake', held: 'held', expiring: 'end soon' };

function Summary({ rows, moment }: { rows: readonly Row[]; moment: Moment }) {
  const ready = rows.filter((row) => row.ready === 'True').length;
  const standing = countsBy(rows, (row) => standingOf(row, moment));
  const counts = standing.flatMap(([is, count]) =>
    is in urgent ? `${count} ${urgent[is as keyof typeof urgent]}` : [],
  );
  return (
    <>
      <h1 class="lead">
        <b>{ready}</b> of <b>{rows.length}</b> {rows.length === 1 ? 'agent is' : 'agents are'} ready
      </h1>
      <p class="urgent">{counts.join(' · ')}</p>
    </>
  );
}

type Change = (change: Partial<Filter>) => void;

function Filters({ rows, filter, now, set }: { rows: readonly Row[]; filter: Filter; now: number; set: Change }) {
  const ready = new Set(rows.filter((row) => row.ready === 'True').map((row) => row.reason));
  const namespaces = countsBy(rows, (row) => row.namespace).sort(([a], [b]) => (a < b ? -1 : 1));
  const toggle = (reason: string) => set({ reason: filter.reason === reason ? '' : reason });
  return (
    <search>
      <ul class="reasons" aria-label="Agents by reason">
        {countsBy(rows, (row) => row.reason).map(([reason, count]) => (
          <li key={reason} class={ready.has(reason) ? 'good' : 'bad'}>
            <button type="button" aria-pressed={filter.reason === reason} onClick={() => toggle(reason)}>
              <b>{count}</b> {reason}
            </button>
          </li>
        ))}
      </ul>
      <div class="filters">
        <input
          {...{ id: 'filter', type: 'search', 'aria-label': 'Filter by text', placeholder: 'Filter  ( / )' }}
          value={filter.q}
          onInput={({ currentTarget }) => set({ q: currentTarget.value })}
        />
        <NamespaceChoice
          {...{ none: 'All namespaces', value: filter.ns, options: namespaces }}
          choose={(ns) => set({ ns })}
        />
        <button
          type="button"
          aria-pressed={filter.recent !== ''}
          onClick={() => set({ recent: filter.recent === '' ? '1' : '' })}
        >
          Changed in the last hour <b>{rows.filter((row) => isRecent(row, now)).length}</b>
        </button>
      </div>
    </search>
  );
}

/** Rows beyond the window's edges, so that a fast scroll shows no gap. */
const spare = 12;

/** Which rows the window shows; only these are there. */
function useWindow(count: number) {
  const body = useRef<HTMLDivElement>(null);
  const [span, setSpan] = useState({ first: 0, last: 60, height: 36 });
  useLayoutEffect(() => {
    const measure = () => {
      if (body.current === null) return;
      const height = Number.parseFloat(getComputedStyle(body.current).getPropertyValue('--row')) || 36;
      const top = -body.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / height) - spare);
      const last = Math.min(count, Math.ceil((top + innerHeight) / height) + spare);
      const next = { first, last, height };
      setSpan((old) => (JSON.stringify(old) === JSON.stringify(next) ? old : next));
    };
    measure();
    const stop = new AbortController();
    for (const event of ['scroll', 'resize']) addEventListener(event, measure, { signal: stop.signal });
    return () => stop.abort();
  }, [count]);
  return { body, ...span };
}

function Table({ rows, moment }: { rows: readonly Row[]; moment: Moment }) {
  const { body, first, last, height } = useWindow(rows.length);
  return (
    <div role="table" aria-label="Agents" aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
        <div class="row head" role="row" aria-rowindex={1}>
          {['Agent', 'Verdict', 'Why', 'Changed'].map((title) => (
            <span key={title} role="columnheader">
              {title}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" ref={body} style={{ height: `${rows.length * height}px` }}>
        {rows.slice(first, last).map((row, index) => (
          <Line key={row.key} row={row} moment={moment} index={first + index} top={(first + index) * height} />
        ))}
      </div>
    </div>
  );
}

const sameWords = (a: string, b: string) => a.toLowerCase().replaceAll(/[\s-]/g, '') === b.replaceAll('-', '');

function Line({ row, moment, index, top }: { row: Row; moment: Moment; index: number; top: number }) {
  return (
    <div class="row" role="row" aria-rowindex={index + 2} style={{ transform: `translateY(${top}px)` }}>
      <span role="cell">
        <Link to={{ view: 'agent', key: row.key }}>
          <small>{row.namespace}/</small>
          {row.name}
        </Link>
        {!sameWords(row.agent, row.name) && <span class="called">{row.agent}</span>}
      </span>
      <span role="cell">
        <Verdict row={row} moment={moment} />
      </span>
      <span role="cell" class="why" title={row.message}>
        {row.ready === 'True' ? row.workload : row.message}
      </span>
      <span role="cell" class="when">
        <When at={row.changedAt} now={moment.now} />
      </span>
    </div>
  );
}
