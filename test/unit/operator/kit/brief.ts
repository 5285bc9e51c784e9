import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonMap, Outcome } from './outcome.ts';

/**
 * An outcome as people review it: one line for each condition, question, event and policy. What two places say alike is said
 * once, and a time only where it is not the moment. What has no short form that gives back the same stays as it is, so that
 * nothing is lost: `lengthen(shorten(outcome))` is the outcome.
 */
export type Brief = JsonMap;

/** NetworkPolicy specs that have a name. */
export type Shapes = Readonly<Record<string, Json>>;

/** What a short form may leave out, since it stands elsewhere. */
interface Place {
  readonly now: string;
  readonly generation: Json | undefined;
  readonly conditions: readonly JsonMap[];
}

/** A short form; `name` is the key under which it stands. */
interface Form {
  readonly write: (whole: JsonMap, place: Place) => string;
  readonly read: (text: string, place: Place, name: string) => JsonMap;
}

export function shorten({ status, policies, events, ...rest }: Outcome, shapes: Shapes): Brief {
  const shaped = policies.map((one) => shortPolicy(one, shapes));
  if (status === 'unchanged') return { status, ...rest, policies: shaped, events };
  const { conditions = [], checks = [], ...fields } = status;
  const place = { now: rest.now, generation: fields.observedGeneration, conditions: conditions as JsonMap[] };
  const short = (form: Form, name: string, whole: JsonMap): [string, Json] => {
    const text = form.write(whole, place);
    return [name, isDeepStrictEqual(form.read(text, place, name), whole) ? text : whole];
  };
  return {
    conditions: Object.fromEntries((conditions as JsonMap[]).map((one) => short(condition, String(one.type), one))),
    checks: Object.fromEntries((checks as JsonMap[]).map((one) => short(check, String(one.name), one))),
    status: Object.fromEntries(
      Object.entries(fields).map(([key, value]) => {
        const form = fieldForms[key];
        return form === undefined ? [key, timely(key, value, place)] : short(form, key, value as JsonMap);
      }),
    ),
    ...rest,
    policies: shaped,
    events: events.map((text) => shortEvent(text, place)),
  };
}

export function lengthen({ conditions, checks, status, policies, events, ...rest }: Brief, shapes: Shapes): Outcome {
  const whole = { ...rest, policies: (policies as Json[]).map((one) => longPolicy(one, shapes)) };
  if (typeof status === 'string') return { ...whole, status, events } as object as Outcome;
  const { observedGeneration, ...fields } = status as JsonMap;
  const bare: Place = { now: String(rest.now), generation: observedGeneration, conditions: [] };
  const long = (form: Form, [name, one]: [string, Json], place: Place): JsonMap =>
    typeof one === 'string' ? form.read(one, place, name) : (one as JsonMap);
  const named = entriesOf(conditions);
  // Ready may say what another condition says, and everything else what any of them says.
  const others = named.filter(([type]) => type !== 'Ready').map((one) => long(condition, one, bare));
  const place = { ...bare, conditions: named.map((one) => long(condition, one, { ...bare, conditions: others })) };
  return {
    ...whole,
    status: {
      observedGeneration,
      ...Object.fromEntries(
        Object.entries(fields).map(([key, value]) => {
          const form = fieldForms[key];
          return [key, form === undefined ? longField(key, value, place) : long(form, [key, value], place)];
        }),
      ),
      conditions: place.conditions,
      checks: entriesOf(checks).map((one) => long(check, one, place)),
    },
    events: (events as string[]).map((text) => longEvent(text, place)),
  } as object as Outcome;
}

/** In order; a list of maps where a map could not tell the order. */
function entriesOf(named: Json | undefined): [string, Json][] {
  return Array.isArray(named)
    ? named.flatMap((one) => Object.entries(one as JsonMap))
    : Object.entries(named as JsonMap);
}

const condition: Form = {
  write: ({ type, status, reason, message, lastTransitionTime, observedGeneration }, place) => {
    const generation = observedGeneration === place.generation ? '' : ` of generation ${observedGeneration}`;
    const since = lastTransitionTime === place.now ? '' : ` since ${lastTransitionTime}`;
    const said = type === 'Ready' && message === saidOf(String(reason), place) ? '' : ` — ${message}`;
    return `${status} ${reason}${generation}${since}${said}`;
  },
  read: (text, place, type) => {
    const [, status, reason = '', generation, since, said] =
      /^(\w+) (\w+)(?: of generation (\d+))?(?: since (\S+))?(?: — (.*))?$/s.exec(text) ?? [];
    return {
      type,
      status: status ?? '',
      reason,
      message: said ?? saidOf(reason, place) ?? '',
      lastTransitionTime: since ?? place.now,
      observedGeneration: generation === undefined ? (place.generation ?? 0) : Number(generation),
    };
  },
};

/** What a condition other than Ready says of a reason. */
function saidOf(reason: string, { conditions }: Place): string | undefined {
  const found = conditions.find((one) => one.type !== 'Ready' && one.reason === reason);
  return found && String(found.message);
}

const check: Form = {
  write: ({ result, expected, observed, hint }) => {
    const texts = [observed && ` ${observed}`, expected && ` (expected ${expected})`, hint && ` → ${hint}`];
    return `${result}${texts.filter(Boolean).join('')}`;
  },
  read: (text, _, name) => {
    const [, result = '', observed, expected, hint] =
      /^(\w+)(?: (.+?))?(?: \(expected (.+?)\))?(?: → (.+))?$/s.exec(text) ?? [];
    const texts = Object.entries({ observed, expected, hint }).filter(([, one]) => one !== undefined);
    return { name, result, ...Object.fromEntries(texts) } as JsonMap;
  },
};

/** Members of the status that are told in words. */
const fieldForms: Readonly<Record<string, Form>> = {
  targetRef: {
    write: ({ apiVersion, kind, name }) => `${apiVersion} ${kind} ${name}`,
    read: (text) => {
      const [apiVersion = '', kind = '', name = ''] = text.split(' ');
      return { apiVersion, kind, name };
    },
  },
  replicas: {
    write: ({ ready, attested }) => `${ready} ready, ${attested} attested`,
    read: (text) => {
      const [, ready, attested] = /^(\d+) ready, (\d+) attested$/.exec(text) ?? [];
      return { ready: Number(ready), attested: Number(attested) };
    },
  },
  policy: {
    write: ({ mode, name }) => `${mode} ${name}`,
    read: (text) => {
      const [mode = '', name = ''] = text.split(' ');
      return { mode, name };
    },
  },
  quarantine: {
    write: ({ by, subject, reason }) => `${by}${subject === undefined ? '' : `, ${subject}`} — ${reason}`,
    read: (text) => {
      const [, by = '', subject, reason = ''] = /^(\w+)(?:, (.+?))? — (.*)$/s.exec(text) ?? [];
      return { by, ...(subject === undefined ? {} : { subject }), reason };
    },
  },
  bindingStatus: {
    write: ({ lastEvaluationTime }, place) => {
      const { lastTransitionTime } = boundOf(place);
      return lastEvaluationTime === lastTransitionTime ? 'as Bound' : `as Bound, since ${lastEvaluationTime}`;
    },
    read: (text, place) => {
      const { status, reason = '', message = '', lastTransitionTime = '' } = boundOf(place);
      const lastEvaluationTime = /, since (\S+)$/.exec(text)?.[1] ?? lastTransitionTime;
      return { bound: status === 'True', reason, message, lastEvaluationTime };
    },
  },
};

function boundOf({ conditions }: Place): JsonMap {
  return conditions.find(({ type }) => type === 'Bound') ?? {};
}

/** Times that are the moment itself; so in the history. */
function timely(key: string, value: Json, { now }: Place): Json {
  if (key === 'history')
    return (value as JsonMap[]).map(({ cardId, time }) => `${cardId} ${time === now ? 'now' : time}`);
  return isTime(key) && value === now ? 'now' : value;
}

function longField(key: string, value: Json, { now }: Place): Json {
  if (key !== 'history') return isTime(key) && value === 'now' ? now : value;
  return (value as string[]).map((text) => {
    const [cardId = '', time = ''] = text.split(' ');
    return { cardId, time: time === 'now' ? now : time };
  });
}

const isTime = (key: string) => /(Time|At|Since|Until)$/.test(key);

/** An event tells a condition in most cases. */
function shortEvent(text: string, place: Place): string {
  const [brief = ''] = text.split(': ');
  return longEvent(brief, place) === text ? brief : text;
}

function longEvent(text: string, place: Place): string {
  if (text.includes(': ')) return text;
  const reason = text.split(' ')[1] ?? '';
  const ready = place.conditions.find((one) => one.type === 'Ready' && one.reason === reason);
  return `${text}: ${saidOf(reason, place) ?? ready?.message}`;
}

function shortPolicy(policy: string | JsonMap, shapes: Shapes): Json {
  if (typeof policy === 'string') return policy;
  const { spec = null, ...operation } = policy;
  const [shape] = Object.entries(shapes).find(([, one]) => isDeepStrictEqual(one, spec)) ?? [];
  return shape === undefined ? policy : `${Object.entries(operation).flat().join(' ')} as ${shape}`;
}

function longPolicy(policy: Json, shapes: Shapes): Json {
  const [, kind, name = '', shape = ''] = /^(create|replace) (\S+) as (\w+)$/.exec(String(policy)) ?? [];
  return kind === undefined ? policy : { [kind]: name, spec: shapes[shape] ?? null };
}
