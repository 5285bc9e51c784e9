import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { MapView } from '../map-view.ts';
import type { World } from './feed.ts';
import { type Layout, layoutOf, type Spot } from './map-layout.ts';
import { go, Link, Loading, NamespaceChoice, Part, useAnswer, Words } from './parts.tsx';

export function CallMap({ world, ns }: { world: World; ns: string }) {
  const version = useMemo(() => [...world.rows.values()].map(({ version }) => version).join(), [world.rows]);
  const map = useAnswer<MapView>('/api/map', `${version} ${world.network}`);
  if (typeof map !== 'object') return <Loading what={map ?? 'Working out who may call whom …'} />;
  const layout = layoutOf(map, ns);
  const options = map.namespaces.map(({ name, mode }) => [name, mode] as const);
  const choose = (chosen: string) => go({ view: 'map', filter: { ns: chosen } }, true);
  const exceptions = map.agents.filter(({ exception }) => exception !== '');
  return (
    <>
      <h1 class="lead">Who may call whom</h1>
      <p class="dim">By verdicts and lists of callers. A hollow mark: NetworkPolicies hold nobody to it yet.</p>
      {layout.grouped && <NamespaceChoice {...{ none: 'Namespaces only', value: ns, options, choose }} />}
      <div class="groups">
        <Group title="Every verified agent may call" spots={layout.groups.verified} />
        <Group title="No agent may call" spots={layout.groups.nobody} />
      </div>
      <Part title="Only those listed may call" note={layout.groups.listed.reduce((sum, { count }) => sum + count, 0)}>
        {layout.links.length === 0 ? <p class="dim">No AgentCard has a list of callers.</p> : <Lists layout={layout} />}
      </Part>
      {exceptions.length > 0 && (
        <Part title="Where other policies decide, or none" note={exceptions.length}>
          <Lines of={exceptions.map(({ key, exception }) => [key, exception])} />
        </Part>
      )}
      <Cuts map={map} />
      <Words of={map.notes} kind="note" />
    </>
  );
}

function Group({ title, spots }: { title: string; spots: readonly Spot[] }) {
  return (
    <Part title={title} note={spots.reduce((sum, { count }) => sum + count, 0)}>
      <ul class="spots">
        {spots.map(({ id, kind, count, why, enforced }) => (
          <li key={id} class={enforced ? '' : 'hollow'}>
            <Link to={kind === 'agent' ? { view: 'agent', key: id } : { view: 'map', filter: { ns: id } }}>{id}</Link>
            {kind === 'namespace' && <b> {count}</b>} <small>{why}</small>
            {!enforced && <span class="unseen"> (not enforced)</span>}
          </li>
        ))}
      </ul>
    </Part>
  );
}

const step = 30;
const yOf = (spots: readonly Spot[], id: string) => spots.findIndex((spot) => spot.id === id) * step + step / 2;

/** Callers on the left, whom they may call on the right; the same in words for those who do not see it. */
function Lists({ layout: { callers, called, links } }: { layout: Layout }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(700);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 700));
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const height = Math.max(callers.length, called.length) * step + 8;
  const [left, right] = [width * 0.38, width * 0.62];
  const curve = (y1: number, y2: number) => `M${left} ${y1} C${width / 2} ${y1} ${width / 2} ${y2} ${right} ${y2}`;
  return (
    <div ref={box} class="lists">
      <svg width={width} height={height} aria-hidden="true">
        {links.map(({ from, to, count, kind }) => (
          <path
            key={`${from} ${to}`}
            class={`line ${kind}`}
            d={curve(yOf(callers, from), yOf(called, to))}
            stroke-width={1 + Math.log2(count)}
          />
        ))}
        <g text-anchor="end">
          <Side spots={callers} x={left - 10} most={left / 7.8} />
        </g>
        <Side spots={called} x={right + 10} most={left / 7.8} />
      </svg>
      <div class="unseen">
        <Words of={links.map(({ words }) => words)} kind="line" />
      </div>
    </div>
  );
}

/** Names end at the lines on the left of them, and begin there on the right. */
const Side = ({ spots, x, most }: { spots: readonly Spot[]; x: number; most: number }) =>
  spots.map(({ id, kind, count }, index) => (
    <text key={id} class={kind} x={x} y={index * step + step / 2 + 4}>
      {id.length > most ? `…${id.slice(1 - most)}` : id}
      {kind === 'namespace' && ` ${count}`}
    </text>
  ));

/** More than these are counted. */
const mostLines = 200;

const Lines = ({ of }: { of: readonly (readonly [key: string, words: string])[] }) => (
  <ul class="spots tall">
    {of.slice(0, mostLines).map(([key, words]) => (
      <li key={key + words} class="bad">
        <Link to={{ view: 'agent', key }}>{key}</Link> {words}
      </li>
    ))}
    {of.length > mostLines && <li>and {of.length - mostLines} more</li>}
  </ul>
);

function Cuts({ map: { namespaces, cuts } }: { map: MapView }) {
  const groups = namespaces.flatMap(({ name, mode }) => {
    const some = cuts.filter(({ namespace }) => namespace === name);
    return some.length === 0 ? [] : [{ name, mode, some }];
  });
  return (
    <Part title="What a switch to enforce would cut" note={cuts.length}>
      {groups.length === 0 && <p class="dim">Nothing.</p>}
      {groups.map(({ name, mode, some }) => (
        <details key={name} open={groups.length < 4}>
          <summary>
            <b>{name}</b> {mode} · {some.length}
          </summary>
          <Lines of={some.map(({ key, from }) => [key, `would be closed to ${from}`])} />
        </details>
      ))}
    </Part>
  );
}
