import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Row } from '../view.ts';
import { ask } from './feed.ts';
import { type Moment, type Standing, standingOf } from './fleet-order.ts';
import { type Route, urlOf } from './route.ts';

/** Goes to a state of the page, as a link does. */
export function go(route: Route, replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', urlOf(route));
  dispatchEvent(new PopStateEvent('popstate'));
}

interface Titled {
  readonly kind?: 'part' | 'notice';
  readonly title: string;
  readonly note?: string | number;
  readonly children?: ComponentChildren;
}

export function Link({ to, children, current }: { to: Route; children: ComponentChildren; current?: boolean }) {
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
    scrollTo(0, 0);
  };
  return (
    <a href={urlOf(to)} aria-current={current ? 'page' : undefined} onClick={follow}>
      {children}
    </a>
  );
}

const signs: Readonly<Record<Standing, readonly [sign: string, tone: string, word: string]>> = {
  quarantined: ['⊘', 'bad', ''],
  braked: ['◐', 'warn', 'held by the brake'],
  held: ['◐', 'warn', 'held'],
  expiring: ['◔', 'warn', 'ends soon'],
  distrusted: ['✕', 'bad', ''],
  unjudged: ['·', 'dim', ''],
  ready: ['✓', 'good', ''],
};

/** Never by colour alone. */
export function Verdict({ row, moment }: { row: Row; moment: Moment }) {
  const [sign, tone, word] = signs[standingOf(row, moment)];
  return (
    <span class={`verdict ${tone}`}>
      <Sign of={sign} />
      {row.reason}
      {word !== '' && <em> {word}</em>}
    </span>
  );
}

export const Sign = ({ of }: { of: string }) => (
  <span class="sign" aria-hidden="true">
    {of}
  </span>
);

const units = { d: 86_400, h: 3_600, min: 60, s: 1 };

export function ago(at: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  const [unit, size] = Object.entries(units).find(([, size]) => seconds >= size) ?? ['s', 1];
  return Number.isNaN(seconds) ? '' : `${Math.floor(seconds / size)} ${unit} ago`;
}

export const When = ({ at, now }: { at: string; now: number }) => (
  <time dateTime={at} title={at}>
    {ago(at, now)}
  </time>
);

/** What the command answers; asked again when `version` is another. The last answer stands meanwhile. */
export function useAnswer<T extends object>(path: string, version: string): T | string | undefined {
  const [known, setKnown] = useState<{ path: string; answer: T | string }>();
  useEffect(() => {
    let isCurrent = true;
    void ask<T>(path).then((answer) => isCurrent && setKnown({ path, answer }));
    return () => {
      isCurrent = false;
    };
  }, [path, version]);
  return known?.path === path ? known.answer : undefined;
}

/** A `notice` stands instead of content: nothing there yet, nothing may be seen, nothing can be reached. */
export const Part = ({ kind = 'part', title, note = '', children }: Titled) => (
  <section class={kind}>
    <h2>
      {title} {note !== '' && <small>{note}</small>}
    </h2>
    {children}
  </section>
);

export const Loading = ({ what }: { what: string }) => (
  <p class="loading" role="status">
    {what}
  </p>
);

/** What is empty is left out. */
export const Facts = ({ of }: { of: readonly (readonly [label: string, value: string])[] }) => (
  <dl class="facts">
    {of.map(
      ([label, value]) =>
        value !== '' && (
          <div key={label + value}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ),
    )}
  </dl>
);

interface Choosing {
  readonly none: string;
  readonly value: string;
  readonly options: readonly (readonly [name: string, note: string | number])[];
  readonly choose: (value: string) => void;
}

export const NamespaceChoice = ({ none, value, options, choose }: Choosing) => (
  <select aria-label="Namespace" value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
    <option value="">{none}</option>
    {options.map(([name, note]) => (
      <option key={name} value={name}>{`${name} (${note})`}</option>
    ))}
  </select>
);

/** A paragraph each; what is empty is left out. */
export const Words = ({ of, kind }: { of: readonly string[]; kind: string }) =>
  of.map(
    (text) =>
      text !== '' && (
        <p key={text} class={kind} role={kind === 'banner' ? 'status' : undefined}>
          {text}
        </p>
      ),
  );
