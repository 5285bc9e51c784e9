import type { ServerResponse } from 'node:http';
import type { KubeObject } from '../../../../src/kube/objects.ts';
import { event, fakeApi, type Step, stream } from '../../kube/fake-api.ts';
import { merged } from './merge.ts';

/** Selectors of one pair, or of sets. */
function isChosen({ metadata: { labels = {} } }: KubeObject, selector: string | null): boolean {
  if (selector === null) return true;
  const terms = [...selector.matchAll(/([^ ,=]+)(?:=| in \()([^),]+(?:,[^),]+)*)\)?/g)];
  return terms.every(([, key = '', values = '']) => values.split(',').includes(labels[key] ?? ''));
}

/**
 * An API server that holds objects by plural, and tells each watch of every write before whoever wrote hears of it. Says which
 * calls came, as "PATCH agentcards/status".
 */
export async function smallCluster(objects: Readonly<Record<string, readonly KubeObject[]>>) {
  let version = 1_000;
  const held = new Map(
    Object.entries(objects).map(([plural, all]) => [plural, new Map(all.map((one) => [nameOf(one), one]))]),
  );
  const watches: { readonly plural: string; readonly selector: string | null; readonly response: ServerResponse }[] =
    [];
  const calls: string[] = [];
  const of = (plural: string) => held.get(plural) ?? held.set(plural, new Map()).get(plural) ?? new Map();
  const put = (plural: string, object: KubeObject) => {
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } };
    const before = of(plural).get(nameOf(written));
    of(plural).set(nameOf(written), written);
    for (const watch of watches.filter((each) => each.plural === plural && isChosen(written, each.selector))) {
      const isKnown = before !== undefined && isChosen(before, watch.selector);
      watch.response.write(event(isKnown ? 'MODIFIED' : 'ADDED', written));
    }
    return written;
  };
  const answer: Step = (response, request) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake');
    const [, namespace, plural = '', name, sub] =
      /(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/(status))?$/.exec(pathname) ?? [];
    const selector = searchParams.get('labelSelector');
    if (searchParams.get('watch') === '1') {
      watches.push({ plural, selector, response });
      const chosen = [...of(plural).values()].filter((one: KubeObject) => isChosen(one, selector));
      return void response.writeHead(200).write(stream(version, ...chosen));
    }
    const verb = request.method === 'GET' && name === undefined ? 'LIST' : request.method;
    calls.push(`${verb} ${plural}${sub === undefined ? '' : `/${sub}`}`);
    if (verb === 'LIST') {
      const inside = [...of(plural).values()].filter(({ metadata }: KubeObject) => metadata.namespace === namespace);
      return void response.end(
        JSON.stringify({ items: inside.filter((one) => isChosen(one, selector)), metadata: {} }),
      );
    }
    if (verb === 'GET') return void response.end(JSON.stringify(of(plural).get(`${namespace}/${name}`)));
    const body = JSON.parse(request.body) as KubeObject;
    if (verb === 'POST') {
      const created = { ...body, metadata: { ...body.metadata, uid: `${body.metadata.name}-${plural}` } };
      return void response.end(JSON.stringify(put(plural, created)));
    }
    const patched = put(plural, merged(of(plural).get(`${namespace}/${name}`), body) as KubeObject);
    // The watch is heard first.
    setTimeout(() => response.end(JSON.stringify(patched)), 5);
  };
  return { ...(await fakeApi([answer])), calls };
}

const nameOf = ({ metadata: { namespace, name } }: KubeObject): string => `${namespace}/${name}`;
