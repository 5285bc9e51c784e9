import type { Branch } from '../../tree.ts';
import type { AgentView } from '../agent-view.ts';
import type { ReachView } from '../answers.ts';
import { Actions } from './actions.tsx';
import type { World } from './feed.ts';
import type { Moment } from './fleet-order.ts';
import { Facts, Loading, Part, Sign, useAnswer, Verdict, When, Words } from './parts.tsx';

interface Shown {
  readonly agent: AgentView;
  readonly moment: Moment;
}

export function Agent({ id, world, moment }: { id: string; world: World; moment: Moment }) {
  const row = world.rows.get(id);
  const agent = useAnswer<AgentView>(`/api/agent/${id}`, `${row?.version} ${world.touches.get(id)} ${world.link}`);
  if (agent === undefined) return <Loading what={`Asking for ${id} …`} />;
  if (typeof agent === 'string' || row === undefined) {
    return (
      <Part kind="notice" title={`There is no AgentCard ${id}`}>
        <p>It was removed, or you may not see it.</p>
      </Part>
    );
  }
  return (
    <article>
      <Head agent={agent} moment={moment} />
      <div class="columns">
        <div>
          <Questions agent={agent} />
          <CardPart agent={agent} />
          <History agent={agent} moment={moment} />
        </div>
        <div>
          <Part title="Identity and proof">
            <Facts of={agent.facts} />
          </Part>
          <Network id={id} version={`${row.version} ${world.network}`} />
          <Events agent={agent} moment={moment} denied={world.seeing?.events.state === 'denied'} />
        </div>
      </div>
    </article>
  );
}

function Head({ agent, moment }: Shown) {
  const { row, conditions } = agent;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return (
    <header class="head">
      <p class="dim">
        {row.namespace} · {row.workload}
      </p>
      <h1>
        {row.name} <span class="called">{row.agent !== '' && `“${row.agent}”`}</span>
      </h1>
      <p class="verdict-line">
        <Verdict row={row} moment={moment} /> <When at={ready?.since ?? ''} now={moment.now} />
      </p>
      <p class="said">{ready?.said ?? row.message}</p>
      <Todo text={ready?.todo} />
      <Actions agent={agent} />
    </header>
  );
}

const Todo = ({ text = '' }: { text?: string | undefined }) =>
  text === '' ? null : (
    <p class="todo">
      <b>What to do</b> {text}
    </p>
  );

const good = ['✓', 'good'] as const;
const bad = ['✕', 'bad'] as const;
const unsure = ['?', 'warn'] as const;
const skipped = ['–', 'dim'] as const;
const tones = { pass: good, fail: bad, unknown: unsure, skipped, True: good, False: bad, Unknown: unsure };

type State = keyof typeof tones;

const Item = ({ is, name, reason = '', said, todo, facts = [] }: ItemProps) => (
  <li class={tones[is][1]}>
    <p>
      <Sign of={tones[is][0]} />
      <b>{name}</b> <span class="tone">{is}</span> {reason}
    </p>
    <p class="dim">{said}</p>
    <Facts of={facts} />
    <Todo text={todo} />
  </li>
);

interface ItemProps {
  readonly is: State;
  readonly name: string;
  readonly reason?: string;
  readonly said: string;
  readonly todo: string;
  readonly facts?: readonly (readonly [string, string])[];
}

/** Every question in its order, then what follows from the answers; what follows for Ready stands above. */
function Questions({ agent: { conditions, checks } }: { agent: AgentView }) {
  const passed = checks.filter(({ result }) => result === 'pass').length;
  const ask = ({ name, result, asks, expected, observed, hint }: AgentView['checks'][number]): ItemProps => {
    return {
      is: result,
      name,
      said: asks,
      todo: hint,
      facts: [
        ['Expected', expected],
        ['Observed', observed],
      ],
    };
  };
  return (
    <Part title="Questions" note={`${passed} of ${checks.length} pass`}>
      {conditions.length === 0 && <p class="dim">The operator has not judged this card yet.</p>}
      <ul class="tree">
        {checks.map((check) => (
          <Item key={check.name} {...ask(check)} />
        ))}
      </ul>
      {conditions.length > 1 && <h3>What follows</h3>}
      <ul class="tree">
        {conditions.map(
          ({ type, status, ...rest }) => type !== 'Ready' && <Item key={type} is={status} name={type} {...rest} />,
        )}
      </ul>
    </Part>
  );
}

function Network({ id, version }: { id: string; version: string }) {
  const answer = useAnswer<ReachView>(`/api/reach/${id}`, version);
  if (typeof answer !== 'object') return <Loading what={answer ?? 'Working out what packets may do …'} />;
  const { network, pods, notes } = answer;
  return (
    <>
      <Part title="Network" note={network.text.replace(/^network: /, '')}>
        <Tree branches={network.below ?? []} />
        <Words of={notes} kind="note" />
      </Part>
      <Part title="Pods" note={pods.length}>
        {pods.map(({ name, verified, addresses }) => (
          <p key={name}>
            <code>{name}</code> <span class={verified ? 'good' : 'dim'}>{verified ? 'verified' : 'not verified'}</span>{' '}
            <span class="dim">{addresses}</span>
          </p>
        ))}
      </Part>
    </>
  );
}

const Tree = ({ branches }: { branches: readonly Branch[] }) => (
  <ul class="reach">
    {branches.map(({ text, below = [] }) => (
      <li key={text}>
        {text}
        {below.length > 0 && <Tree branches={below} />}
      </li>
    ))}
  </ul>
);

function History({ agent: { history }, moment }: Shown) {
  return (
    <Part title="History" note="of the card’s content">
      {history.map(({ cardId, time, changes }, index) => (
        <div key={cardId} class="item">
          <p>
            <code title={cardId}>{cardId.slice(0, 12)}</code> <When at={time} now={moment.now} /> {index === 0 && 'now'}
          </p>
          {changes === undefined && index + 1 < history.length && (
            <p class="dim">Changed before this page was opened.</p>
          )}
          {changes?.map(({ path, kind, weight, before, after }) => (
            <p key={path + kind} class="change">
              <span class={weight === 'structural' ? 'bad' : 'dim'}>{weight}</span> <code>{path}</code> {kind}{' '}
              <del>{before}</del> <ins>{after}</ins>
            </p>
          ))}
        </div>
      ))}
    </Part>
  );
}

function Events({ agent: { events }, moment, denied }: Shown & { denied: boolean }) {
  const none = denied ? 'You may not list events (events.k8s.io).' : 'None that the cluster still keeps.';
  return (
    <Part title="Events">
      {events.length === 0 && <p class="dim">{none}</p>}
      {events.map(({ at, warning, reason, note, count }) => (
        <div key={at + reason} class="item">
          <p>
            <b class={warning ? 'bad' : ''}>{reason}</b> {count > 1 && `× ${count}`} <When at={at} now={moment.now} />
          </p>
          <p class="dim">{note}</p>
        </div>
      ))}
    </Part>
  );
}

/** The card as people read it. Its text may be anybody's: addresses are shown, and nowhere a link. */
function CardPart({ agent: { card, cardId, approvedCardId } }: { agent: AgentView }) {
  if (card === undefined) {
    return (
      <Part title="Card">
        <p class="dim">Nothing is published: no card was read, or what was read is not trusted.</p>
      </Part>
    );
  }
  const note = approvedCardId === '' ? '' : approvedCardId === cardId ? 'approved' : 'not the approved one';
  return (
    <Part title="Card" note={note}>
      <p class="card-name">
        <b>{card.name}</b> <span class="dim">{card.version}</span>
      </p>
      <p>{card.description}</p>
      <Facts of={card.facts} />
      {card.skills.length > 0 && <h3>Skills</h3>}
      <ul class="skills">
        {card.skills.map(({ name, description, tags }, index) => (
          <li key={index}>
            <b>{name}</b> {description} <span class="dim">{tags.join(' · ')}</span>
          </li>
        ))}
      </ul>
      {card.more > 0 && <p class="dim">and {card.more} more, which are not shown</p>}
    </Part>
  );
}
