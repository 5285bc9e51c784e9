import { useEffect, useRef, useState } from 'preact/hooks';
import type { AgentView } from '../agent-view.ts';
import type { Rights } from '../answers.ts';
import { commandLine, longestReason, type Order, wordsOf } from '../order.ts';
import { ask } from './feed.ts';
import { useAnswer } from './parts.tsx';

type Action = Order['action'];

const actions: Readonly<Record<Action, readonly [title: string, effect: string]>> = {
  quarantine: [
    'Quarantine',
    'Cuts the agent off the network now, in every mode and whatever it proves. New connections end within moments.',
  ],
  release: ['Release', 'Lifts the quarantine that this card orders. The agent is trusted again when it proves itself.'],
  approve: ['Approve', 'Trusts this agent only as long as its card says what it says now.'],
};

/** What this user may do here. What is not allowed is not offered; that something is missing is said. */
export function Actions({ agent }: { agent: AgentView }) {
  const { row, ordersQuarantine, cardId, approvedCardId } = agent;
  const rights = useAnswer<Rights>(`/api/rights/${row.key}`, '');
  const [action, setAction] = useState<Action>();
  const order: Action = ordersQuarantine ? 'release' : 'quarantine';
  const fitting: readonly Action[] = cardId !== '' && cardId !== approvedCardId ? [order, 'approve'] : [order];
  if (rights === undefined || typeof rights === 'string') return null;
  const missing = fitting.filter((one) => !rights[one]);
  return (
    <div class="actions">
      {fitting.map(
        (one) =>
          rights[one] && (
            <button key={one} type="button" class={one} onClick={() => setAction(one)}>
              {actions[one][0]} …
            </button>
          ),
      )}
      {missing.length > 0 && <span class="dim">You may not {missing.join(' or ')} this agent.</span>}
      {action !== undefined && (
        <Confirm agent={agent} action={action} options={rights.options} end={() => setAction(undefined)} />
      )}
    </div>
  );
}

interface Confirming {
  readonly agent: AgentView;
  readonly action: Action;
  readonly options: readonly string[];
  readonly end: () => void;
}

function Confirm({ agent: { row, cardId: seen }, action, options, end }: Confirming) {
  const [reason, setReason] = useState('');
  const [said, setSaid] = useState<{ said: string } | string>('');
  // Of what was looked at, not of what comes meanwhile.
  const [cardId] = useState(seen);
  const order: Order = { action, namespace: row.namespace, name: row.name, reason, cardId };
  const obey = async (event: Event) => {
    event.preventDefault();
    setSaid(await ask<{ said: string }>('/api/order', order));
  };
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={end} aria-labelledby="confirm">
      <form onSubmit={obey}>
        <h2 id="confirm">{`${actions[action][0]} ${row.key}`}</h2>
        <p>{actions[action][1]}</p>
        {action === 'quarantine' && <Reason value={reason} set={setReason} />}
        <p class="dim">The same from a terminal:</p>
        <pre>{commandLine([...wordsOf(order), ...options])}</pre>
        <p role="status">{typeof said === 'string' ? said : said.said}</p>
        <p class="buttons">
          <button type="button" onClick={end}>
            {typeof said === 'string' ? 'Cancel' : 'Close'}
          </button>
          {typeof said === 'string' && <button type="submit">{actions[action][0]}</button>}
        </p>
      </form>
    </dialog>
  );
}

const Reason = ({ value, set }: { value: string; set: (reason: string) => void }) => (
  <label>
    Why, for everybody to read
    <input required maxLength={longestReason} value={value} onInput={(event) => set(event.currentTarget.value)} />
  </label>
);
