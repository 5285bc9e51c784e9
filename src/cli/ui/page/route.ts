/** Which state of the page a URL names. */
export type Route =
  | { readonly view: 'fleet'; readonly filter: Filter }
  | { readonly view: 'agent'; readonly key: string }
  | { readonly view: 'map'; readonly filter: Pick<Filter, 'ns'> };

/** As it stands in the URL: a namespace, a reason, words, and whether only what changed within the last hour. */
export type Filter = Readonly<Record<'ns' | 'reason' | 'q' | 'recent', string>>;

export const noFilter: Filter = { ns: '', reason: '', q: '', recent: '' };

export function routeOf(path: string, search: string): Route {
  const [, key] = /^\/agent\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (key !== undefined) return { view: 'agent', key };
  const query = Object.fromEntries(new URLSearchParams(search));
  const of = (name: keyof Filter) => query[name] ?? '';
  if (path === '/map') return { view: 'map', filter: { ns: of('ns') } };
  return { view: 'fleet', filter: { ns: of('ns'), reason: of('reason'), q: of('q'), recent: of('recent') } };
}

export function urlOf(route: Route): string {
  if (route.view === 'agent') return `/agent/${route.key}`;
  const query = new URLSearchParams(Object.entries(route.filter).filter(([, value]) => value !== ''));
  return `/${route.view}${query.size === 0 ? '' : `?${query}`}`;
}
