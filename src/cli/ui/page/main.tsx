import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ownFamily } from '../../../operator/api/names.ts';
import type { Seeing } from '../view.ts';
import { Agent } from './agent.tsx';
import { listen, nothingYet, type World } from './feed.ts';
import { Fleet } from './fleet.tsx';
import { CallMap } from './map.tsx';
import { go, Link, Loading, Part, Words } from './parts.tsx';
import { noFilter, type Route, routeOf } from './route.ts';

const here = () => routeOf(location.pathname, location.search);
const home: Route = { view: 'fleet', filter: noFilter };

/** Moments are as old as this at most. */
const tickMs = 15_000;

function Page() {
  const [world, setWorld] = useState<World>(nothingYet);
  const [route, setRoute] = useState<Route>(here);
  const [now, setNow] = useState(Date.now());
  useEffect(() => listen(setWorld), []);
  useEffect(() => {
    addEventListener('popstate', () => setRoute(here()));
    addEventListener('keydown', shortcuts);
    setInterval(() => setNow(Date.now()), tickMs);
  }, []);
  useEffect(() => {
    document.title = `${route.view === 'agent' ? route.key : route.view} · AgentCards`;
  }, [route]);
  return (
    <>
      <Bar world={world} route={route} />
      <main>
        <Banner world={world} />
        <View world={world} route={route} now={now} />
      </main>
    </>
  );
}

function shortcuts(event: KeyboardEvent): void {
  const isTyping = event.target instanceof HTMLInputElement || document.querySelector('dialog[open]') !== null;
  if (isTyping) return;
  if (event.key === 'Escape' && here().view !== 'fleet') go(home);
  if (event.key !== '/') return;
  event.preventDefault();
  document.getElementById('filter')?.focus();
}

function Bar({ world: { link, seeing }, route }: { world: World; route: Route }) {
  const state = link === 'live' && seeing?.cards.state !== 'live' ? 'not live' : link;
  return (
    <header class="bar">
      <strong>AgentCards</strong>
      <nav aria-label="Views">
        <Link to={home} current={route.view === 'fleet'}>
          Fleet
        </Link>
        <Link to={{ view: 'map', filter: noFilter }} current={route.view === 'map'}>
          Map
        </Link>
      </nav>
      <span class="server">{seeing?.server}</span>
      <span class={`link ${state === 'live' ? 'good' : 'warn'}`} role="status">
        {state}
      </span>
    </header>
  );
}

/** What is not as it should be, above what is still shown. */
function Banner({ world: { seeing, link, rows } }: { world: World }) {
  const { cards, brakeSince, namespace } = seeing ?? {};
  const lines = [
    link === 'ended' ? 'The command has ended: run kubectl agentcard ui again. What is shown is as of then.' : '',
    brakeSince ? 'The operator’s brake holds: too many agents fell silent at once, so none loses trust for it.' : '',
    cards?.state === 'lost' && rows.size > 0
      ? `The cluster does not answer, so this is not live: ${cards.message}`
      : '',
    cards?.state === 'live' && cards.of === 'namespace'
      ? `You may list AgentCards of namespace ${namespace} alone: others are not shown.`
      : '',
  ];
  return <Words of={lines} kind="banner" />;
}

function View({ world, route, now }: { world: World; route: Route; now: number }) {
  const { seeing, rows, link } = world;
  const braked = typeof seeing?.brakeSince === 'string';
  const moment = useMemo(() => ({ now, braked }), [now, braked]);
  if (seeing === undefined) return link === 'ended' ? null : <Loading what="Asking the command …" />;
  if (rows.size === 0) return <Nothing seeing={seeing} />;
  if (route.view === 'agent') return <Agent key={route.key} id={route.key} world={world} moment={moment} />;
  if (route.view === 'map') return <CallMap world={world} ns={route.filter.ns} />;
  return <Fleet rows={rows} filter={route.filter} moment={moment} />;
}

/** Why there is nothing, and what to do: in words, then as a command. */
function Nothing({ seeing: { cards, namespace } }: { seeing: Seeing }) {
  const role = `kubectl create rolebinding agentcards -n ${namespace} --clusterrole=agentcard-operator-viewer --user=<you>`;
  const told = {
    live: [
      'No agents yet',
      'An AgentCard is made for every Deployment, StatefulSet or Sandbox with these labels:',
      `kubectl label deployment <name> ${ownFamily.type}=agent ${ownFamily.protocolPrefix}a2a=`,
    ],
    denied: [
      'You may not see AgentCards',
      `Neither of the cluster nor of namespace ${namespace}. Whoever may give rights there lets you get, list and watch agentcards.${ownFamily.group} by:`,
      role,
    ],
    absent: ['This cluster does not know AgentCards', 'Install the operator’s chart, which brings the kind.', ''],
    lost: ['The cluster does not answer', 'It is asked again by itself.', ''],
  } as const;
  if (cards.state === 'loading') return <Loading what="Asking the cluster for AgentCards …" />;
  const [title, words, command] = told[cards.state];
  return (
    <Part kind="notice" title={title}>
      <p>{words}</p>
      {command !== '' && <pre>{command}</pre>}
      <Words of={[cards.message, 'This page follows by itself.']} kind="dim" />
    </Part>
  );
}

const root = document.getElementById('page');
if (root !== null) render(<Page />, root);
