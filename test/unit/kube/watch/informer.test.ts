import { expect, onTestFinished, test } from 'vitest';
import { Informer, type InformerOptions } from '../../../../src/kube/watch/informer.ts';
import { bookmark, event, fakeApi, page, type Step, stream, until, widget, widgets } from '../fake-api.ts';

type Widget = ReturnType<typeof widget>;

const open =
  (...parts: string[]): Step =>
  (response) =>
    void response.write(parts.join(''));

async function inform(script: readonly Step[], options: Partial<InformerOptions<Widget>> = {}) {
  const { client, requests } = await fakeApi(script);
  const log: string[] = [];
  const errors: unknown[] = [];
  const missed: number[] = [];
  const informer = new Informer<Widget>({
    client,
    resource: widgets,
    timing: { baseDelayMs: 2, maxDelayMs: 8 },
    telemetry: { objectFailed: (error) => errors.push(error), missed: (count) => missed.push(count) },
    indexes: { byData: ({ data }) => (data === undefined ? [] : [String(data)]) },
    ...options,
  });
  const tell = (what: string) => (object: Widget) => {
    log.push(`${what} ${object.metadata.name} ${object.metadata.resourceVersion}`);
  };
  informer.onEvent({
    add: (object, initial) => tell(initial ? 'initial' : 'add')(object),
    update: (old, object) => tell(`update ${old.metadata.resourceVersion} to`)(object),
    remove: tell('remove'),
  });
  const stop = new AbortController();
  const done = informer.start(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await done;
  });
  return { informer, requests, log, errors, missed, client, stop };
}

const a1 = widget('a', 1);

test('it tells what was there, what came, what changed and what went', async () => {
  const { informer, log } = await inform([
    open(
      stream(5, a1),
      event('ADDED', widget('b', 6)),
      event('MODIFIED', widget('a', 7)),
      event('DELETED', widget('b', 8)),
    ),
  ]);
  await informer.synced;
  await until(() => log.length === 4);
  expect(log).toEqual(['initial a 1', 'add b 6', 'update 1 to a 7', 'remove b 6']);
  expect(informer.get('default/a')).toEqual(widget('a', 7));
  expect(informer.size).toBe(1);
});

test('an object recreated while nobody watched is a removal and an addition', async () => {
  const { log } = await inform([
    (response) => void response.end(stream(5, a1, widget('gone', 2)) + event('ERROR', { code: 410 })),
    open(stream(20, widget('a', 15, { uid: 'second' }))),
  ]);
  await until(() => log.length === 5);
  expect(log.slice(2)).toEqual(['remove gone 2', 'remove a 1', 'add a 15']);
});

test('an object recreated between two events is a removal and an addition', async () => {
  const { log } = await inform([open(stream(5, a1), event('MODIFIED', widget('a', 6, { uid: 'second' })))]);
  await until(() => log.length === 3);
  expect(log).toEqual(['initial a 1', 'remove a 1', 'add a 6']);
});

test('the removal of an earlier object of the same name leaves its successor', async () => {
  const second = widget('a', 6, { uid: 'second' });
  const { informer, log } = await inform([
    open(stream(5, a1), event('ADDED', second), event('DELETED', widget('a', 7)), event('ADDED', widget('z', 8))),
  ]);
  await until(() => log.some((line) => line.startsWith('add z')));
  expect(informer.get('default/a')).toEqual(second);
});

test('indexes follow their objects', async () => {
  const { informer } = await inform([
    open(
      stream(5, widget('a', 1, { data: 'red' }), widget('b', 2, { data: 'red' })),
      event('MODIFIED', widget('a', 6, { data: 'blue' })),
      event('DELETED', widget('b', 7, { data: 'red' })),
    ),
  ]);
  await until(() => informer.get('default/b') === undefined && informer.size === 1);
  expect(informer.byIndex('byData', 'red')).toEqual([]);
  expect(informer.byIndex('byData', 'blue').map(({ metadata }) => metadata.name)).toEqual(['a']);
  expect(() => informer.byIndex('byColour', 'red')).toThrow(TypeError);
});

test('bookkeeping of other tools is dropped before an object is kept, and the transform sees the rest', async () => {
  const raw = {
    ...a1,
    metadata: {
      ...a1.metadata,
      managedFields: [{ manager: 'x' }],
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'yes' },
    },
    data: 'red',
  };
  const { informer } = await inform([open(stream(5, raw))], {
    transform: (object) => ({ ...object, data: 'narrowed' }),
  });
  await informer.synced;
  const expected = { ...a1, metadata: { ...a1.metadata, annotations: { mine: 'yes' } }, data: 'narrowed' };
  expect(informer.get('default/a')).toEqual(expected);
});

test('a handler, an index or a transform that throws disturbs nobody', async () => {
  const { informer, log, errors } = await inform(
    [open(stream(5, widget('a', 1, { data: 'bad' }), widget('poison', 2), widget('b', 3)))],
    {
      transform: (object) => {
        if (object.metadata.name === 'poison') throw new Error('transform');
        return object;
      },
      indexes: {
        byData: ({ data }) => {
          if (data === 'bad') throw new Error('index');
          return [];
        },
      },
    },
  );
  informer.onEvent({
    add: () => {
      throw new Error('handler');
    },
  });
  await until(() => log.length === 2);
  expect(log).toEqual(['initial a 1', 'initial b 3']);
  expect(errors.map(String).sort()).toEqual(['Error: handler', 'Error: handler', 'Error: index', 'Error: transform']);
});

test('a late handler is told of what is there, and one that left of nothing', async () => {
  const { informer } = await inform([open(stream(5, a1))]);
  await informer.synced;
  const late: string[] = [];
  const leave = informer.onEvent({ add: ({ metadata }, initial) => late.push(`${metadata.name} ${initial}`) });
  leave();
  informer.take(widget('b', 9));
  expect(late).toEqual(['a true']);
  expect(informer.get('default/b')).toBeDefined();
});

test('our own write is seen at once, and what the watch says of the time before it is ignored', async () => {
  let write: (text: string) => void = () => {};
  const { informer, log } = await inform([
    (response) => {
      response.write(stream(5, a1));
      write = (text) => response.write(text);
    },
  ]);
  await informer.synced;
  informer.take(widget('a', 9));
  write(event('MODIFIED', widget('a', 7)) + event('MODIFIED', widget('a', 9)) + event('MODIFIED', widget('a', 12)));
  await until(() => log.length === 3);
  expect(log).toEqual(['initial a 1', 'update 1 to a 9', 'update 9 to a 12']);
});

test('the late answer to a write does not bring a deleted object back', async () => {
  const { informer, log } = await inform([open(stream(5, a1), event('DELETED', widget('a', 9)))]);
  await until(() => log.length === 2);
  informer.take(widget('a', 8));
  expect(informer.get('default/a')).toBeUndefined();
});

test('an object of ours that may be outside the selector is left to the watch', async () => {
  const { informer, requests } = await inform([open(stream(5, a1))], { labelSelector: 'card=true' });
  await informer.synced;
  informer.take(widget('b', 9));
  expect(informer.get('default/b')).toBeUndefined();
  expect(requests[0]?.query.get('labelSelector')).toBe('card=true');
});

test('a list that is older than our own write does not undo it', async () => {
  let cut = () => {};
  const { informer, log, requests } = await inform([
    (response) => {
      response.write(stream(5, a1));
      cut = () => void response.end(event('ERROR', { code: 410 }));
    },
    open(stream(8, widget('a', 7)), event('ADDED', widget('b', 9))),
  ]);
  await informer.synced;
  informer.take(widget('b', 9));
  informer.take(widget('a', 10));
  cut();
  await until(() => requests.length === 2 && informer.healthy());
  await until(() => log.length === 3);
  expect(log).toEqual(['initial a 1', 'add b 9', 'update 1 to a 10']);
});

test.each([
  ['an expired watch', open(event('ERROR', { code: 410 }))],
  ['a resumed watch that stays silent', open('')],
])('after a backup was restored, noticed by %s, older versions are the truth', async (_, resumed) => {
  const script: Step[] = [
    (response) => void response.end(stream(90, widget('a', 80), widget('later', 85))),
    (response, request) => {
      response.flushHeaders();
      resumed(response, request);
    },
    open(stream(50, widget('a', 40))),
  ];
  const { informer, log } = await inform(script, { timing: { baseDelayMs: 2, maxDelayMs: 8, idleMs: 50 } });
  await until(() => log.length >= 4);
  expect(informer.get('default/a')?.metadata.resourceVersion).toBe('40');
  expect(informer.get('default/later')).toBeUndefined();
});

test('several namespaces are one cache, each with its own watch', async () => {
  let rewatch = () => {};
  const byNamespace: Step = (response, request) => {
    const namespace = /namespaces\/(\w+)/.exec(request.url ?? '')?.[1] ?? '';
    if (request.query.has('sendInitialEvents'))
      response.write(stream(5, widget('a', 1, { namespace, uid: namespace })));
    if (namespace === 'one') rewatch = () => void response.end(event('ERROR', { code: 410 }));
  };
  const { informer, log, requests } = await inform([byNamespace], { namespaces: ['one', 'two', 'one'] });
  await informer.synced;
  expect(requests).toHaveLength(2);
  expect([...informer.values()].map(({ metadata }) => metadata.namespace).sort()).toEqual(['one', 'two']);
  rewatch();
  await until(() => requests.length === 3);
  await until(() => informer.healthy());
  expect(log).toEqual(['initial a 1', 'initial a 1']);
});

test('it has synced when the last namespace has', async () => {
  let second: () => void = () => {};
  const byNamespace: Step = (response, request) => {
    if (request.url?.includes('one')) response.write(stream(5));
    else second = () => void response.write(stream(5));
  };
  const { informer, requests } = await inform([byNamespace], { namespaces: ['one', 'two'] });
  await until(() => requests.length === 2);
  expect(informer.hasSynced).toBe(false);
  expect(informer.healthy()).toBe(false);
  second();
  await informer.synced;
  expect(informer.healthy()).toBe(true);
});

test('an informer that is stopped before its list came keeps nobody waiting, and has not synced', async () => {
  const { informer, requests, stop } = await inform([open('')]);
  await until(() => requests.length === 1);
  stop.abort();
  await informer.synced;
  expect(informer.hasSynced).toBe(false);
});

/** A list in pages alone. */
const paged: Step = (response, request) => {
  if (request.query.has('watch')) response.writeHead(400).end();
  else response.end(page(5, [a1, widget('b', 2)]));
};

test.each([
  ['streaming', open(stream(5, a1, widget('b', 2)))],
  ['paged', paged],
])('a %s list that is at hand when an informer is stopped is told to nobody', async (_, server) => {
  const { informer, log, stop } = await inform([server], {
    transform: (object) => {
      stop.abort();
      return object;
    },
  });
  await informer.synced;
  expect(log).toEqual([]);
});

/** A server whose watch keeps quiet about what its list shows. */
function forgetful(watched: string, listed: string): Step {
  return (response, request) => {
    if (!request.query.has('watch')) response.end(listed);
    else if (request.query.has('sendInitialEvents')) response.write(watched);
  };
}

test.each([
  ['a change', stream(5, a1) + bookmark(20), page(20, [widget('a', 9)])],
  ['an addition', stream(5, a1) + bookmark(20), page(20, [a1, widget('b', 9)])],
  ['a removal', stream(5, a1, widget('b', 2)) + bookmark(20), page(20, [a1])],
  ['a recreation', stream(5, a1) + bookmark(20), page(20, [widget('a', 9, { uid: 'second' })])],
])('the audit counts %s that the watch missed, and lists again', async (_, watched, listed) => {
  const { missed, requests } = await inform([forgetful(watched, listed)], { auditMs: 20, auditSettleMs: 50 });
  await until(() => missed.length > 0);
  expect(missed[0]).toBe(1);
  await until(() => requests.filter(({ query }) => query.has('sendInitialEvents')).length > 1);
  const audit = requests.find(({ query }) => !query.has('watch'));
  expect(audit?.headers.accept).toContain('PartialObjectMetadataList');
});

test('the audit does not blame the watch for what is younger than the list or still under way', async () => {
  let write: (text: string) => void = () => {};
  let lists = 0;
  const server: Step = (response, request) => {
    if (request.query.has('watch')) {
      response.write(stream(5, a1, widget('old', 2), widget('again', 3)));
      write = (text) => response.write(text);
      return;
    }
    if (++lists > 1) return void response.end(page(26, [widget('a', 9), widget('new', 22), again]));
    const listed = [widget('a', 9), widget('old', 2), widget('brief', 19), widget('again', 3)];
    response.end(page(20, listed));
    // What the list shows comes a little later, and newer things with it.
    const late = [event('MODIFIED', widget('a', 9)), event('ADDED', widget('brief', 19))];
    const newer = [
      event('DELETED', widget('brief', 21)),
      event('ADDED', widget('new', 22)),
      event('DELETED', widget('old', 23)),
    ];
    const recreated = [event('DELETED', widget('again', 24)), event('ADDED', again)];
    setTimeout(() => write([...late, ...newer, ...recreated, bookmark(26)].join('')), 20);
  };
  const again = widget('again', 25, { uid: 'second' });
  const { missed } = await inform([server], { auditMs: 20, auditSettleMs: 1_000 });
  // The second audit begins when the first has judged.
  await until(() => lists >= 3);
  expect(missed).toEqual([]);
});
