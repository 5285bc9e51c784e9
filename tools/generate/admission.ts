import { type GuardVerb, guardedFields, type Loosening } from '../../src/operator/api/guarded-fields.ts';
import { apiGroup, managedByLabel } from '../../src/operator/api/labels.ts';
import { generatedNotice, templateBody, yamlText } from './yaml-text.ts';

interface Loosened {
  /** In CEL, of two optional values. */
  readonly when: (now: string, was: string) => string;
  readonly words: string;
}

const loosenings: Readonly<Record<Loosening, Loosened>> = {
  changed: { when: (now, was) => `${now} != ${was}`, words: 'setting, changing or unsetting' },
  unset: { when: (now, was) => `${was}.hasValue() && !${now}.hasValue()`, words: 'lifting' },
  unlessTrue: {
    when: (now, was) => {
      const [yes, no] = ['optional.of(true)', 'optional.of(false)'];
      return `(${was} == ${yes} && ${now} != ${yes}) || (${now} == ${no} && ${was} != ${no})`;
    },
    words: 'loosening',
  },
  widened: {
    when: (now, was) =>
      `${was}.hasValue() && (!${now}.hasValue() || ${now}.value().exists(one, !(one in ${was}.value())))`,
    words: 'adding to or unsetting',
  },
};

const rows = Object.entries(guardedFields).map(([name, row]) => ({ ...row, now: name, was: `was_${name}` }));
const verbs: readonly GuardVerb[] = ['trust', 'quarantine'];

const managers = { namespaces: 'namespace-controller', garbage: 'generic-garbage-collector' } as const;
/** Controllers without accounts of their own share this one. */
const shared = 'system:kube-controller-manager';
const isUser = (controller: string) =>
  `request.userInfo.username in ['system:serviceaccount:kube-system:${controller}', '${shared}']`;

/** A deleted collection is checked card by card, and only the old object tells which. */
const name = 'oldObject == null ? request.name : oldObject.metadata.name';
const authorizer = `authorizer.group('${apiGroup}').resource('agentcards').namespace(request.namespace).name(${name})`;

/** What decides for which workload a card counts, and how long it stays. */
const pinned = [
  ['spec.targetRef', '{object}.?spec.?targetRef'],
  [`label ${managedByLabel}`, `{object}.metadata.?labels[?'${managedByLabel}']`],
  ['metadata.ownerReferences', '{object}.metadata.?ownerReferences'],
] as const;

function variables() {
  const named = (entries: readonly (readonly [string, string])[]) =>
    entries.map(([name, expression]) => ({ name, expression }));
  // Other versions of the kind left cards without spec behind: a rule that errs would freeze them.
  const valueIn = (object: string, path: string) =>
    `${object} == null ? optional.none() : ${object}.?spec.?${path.replaceAll('.', '.?')}`;
  const guarded = (verb: GuardVerb) => rows.filter((row) => row.verb === verb).map(({ was }) => `variables.${was}`);
  const unchanged = pinned.map(
    ([, path]) => `${path.replace('{object}', 'object')} == ${path.replace('{object}', 'oldObject')}`,
  );
  return named([
    // What goes with its namespace goes. What would go with its owner stays, whatever the garbage collector may do.
    [
      'withNamespace',
      `request.operation == 'DELETE' && ${isUser(managers.namespaces)} && namespaceObject.status.phase == 'Terminating'`,
    ],
    ['collects', isUser(managers.garbage)],
    ...verbs.map((verb): [string, string] => [
      `may_${verb}`,
      `variables.withNamespace || (!variables.collects && ${authorizer}.check('${verb}').allowed())`,
    ]),
    // Optional selections cannot go on from a variable, so each value is one of its own.
    ...rows.flatMap(({ now, was, path }): [string, string][] => [
      [now, valueIn('object', path)],
      [was, valueIn('oldObject', path)],
    ]),
    ...verbs.map((verb): [string, string] => [
      `guarded_${verb}`,
      guarded(verb)
        .map((was) => `${was}.hasValue()`)
        .join(' || '),
    ]),
    [
      'pinned',
      `request.operation != 'UPDATE' || (${unchanged.slice(0, -1).join(' && ')} && (variables.collects || ${unchanged.at(-1)}))`,
    ],
  ]);
}

function validations() {
  const needs = (verb: GuardVerb) => `needs the verb ${verb} on agentcards`;
  const fields = rows.map(({ now, was, path, verb, loosened }) => {
    const { when, words } = loosenings[loosened];
    const expression = `!(${when(`variables.${now}`, `variables.${was}`)}) || variables.may_${verb}`;
    return { expression, message: `${words} spec.${path}, or deleting a card that has it, ${needs(verb)}` };
  });
  const pins = verbs.map((verb) => {
    const of = rows.filter((row) => row.verb === verb).map(({ path }) => path);
    const what = pinned.map(([words]) => words).join(', ');
    const message = `changing ${what} of a card that has ${of.join(', ')} ${needs(verb)}`;
    return { expression: `!variables.guarded_${verb} || variables.pinned || variables.may_${verb}`, message };
  });
  return [...fields, ...pins];
}

/** The chart's policy for who may loosen what cards demand. */
export function admissionFiles(): [string, string][] {
  const meta = `metadata:
  name: {{ $name }}
  labels:
    {{- include "agentcard-operator.labels" . | nindent 4 }}
spec:
`;
  const body = (value: object) => templateBody(yamlText(value)).replaceAll(/^(?=.)/gm, '  ');
  const kind = (suffix: string) =>
    `apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy${suffix}\n`;
  const resources = { apiGroups: [apiGroup], apiVersions: ['*'], resources: ['agentcards'] };
  const resourceRules = [{ ...resources, operations: ['CREATE', 'UPDATE', 'DELETE'] }];
  const text = `# ${generatedNotice}
{{- /* Who may loosen what a card demands: the verbs trust and quarantine on agentcards, which the role …-security has. */}}
{{- if include "agentcard-operator.clusterWide" (list . .Values.trustGuard.enabled) }}
{{- $name := printf "%s-trust" (include "agentcard-operator.fullname" .) }}
${kind('')}${meta}  failurePolicy: Fail
  matchConstraints:
    {{- with include "agentcard-operator.watchedNamespaces" . }}{{ . | nindent 4 }}{{ end }}
${body({ resourceRules }).replaceAll(/^/gm, '  ').trimEnd()}
${body({ variables: variables(), validations: validations() })}---
${kind('Binding')}${meta}  policyName: {{ $name }}
  validationActions: [Deny]
{{- end }}
`;
  return [['charts/agentcard-operator/templates/admission-trust.yaml', text]];
}
