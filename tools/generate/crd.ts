import * as z from 'zod';
import { agentCardSpecSchema, agentCardStatusSchema } from '../../src/operator/api/agentcard.ts';
import { kindNames, printerColumns } from '../../src/operator/api/kind.ts';
import { questions } from '../../src/operator/judge/questions.ts';
import { generatedNotice, templateBody, yamlText } from './yaml-text.ts';

export type Schema = Readonly<Record<string, unknown>>;

/** The CustomResourceDefinition as a manifest and as a template of the chart. */
export function crdFiles(): [string, string][] {
  const manifest = yamlText(crd());
  return [
    ['config/crd/agentcards.yaml', `# ${generatedNotice}\n${manifest}`],
    ['charts/agentcard-operator/templates/crd.yaml', chartTemplate(manifest)],
  ];
}

function crd() {
  const { group, version, kind, plural, singular, shortNames, categories } = kindNames;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames, categories },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns,
          schema: { openAPIV3Schema: kindSchema() },
        },
      ],
    },
  };
}

/** As the API server gets it; the reference's table of fields is made from it too. */
export function kindSchema(): Schema {
  const part = (schema: z.ZodType) => structural(z.toJSONSchema(schema, { io: 'input' }));
  return {
    description:
      'What an A2A agent says about itself, and whether the workload that says it is the one it claims to be.',
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: { description: 'What people want; required.', ...part(agentCardSpecSchema) },
      status: {
        description: 'What the operator found out; observedGeneration -1 until it has judged.',
        ...withQuestions(part(agentCardStatusSchema)),
        // On the property itself: a default of a property inside is not applied while there is no status.
        default: { observedGeneration: -1 },
      },
    },
    'x-kubernetes-validations': [
      {
        // Not among the required ones: a stored card without spec, which other versions of the kind allow, would take no label.
        rule: 'has(self.spec) || (oldSelf.hasValue() && !has(oldSelf.value().spec))',
        optionalOldSelf: true,
        fieldPath: '.spec',
        message: 'spec.targetRef is required: name the workload that serves this card',
      },
    ],
  };
}

/** A status check is named after a question of the ladder. */
function withQuestions(status: Schema): Schema {
  const named = structuredClone(status) as { properties: { checks: { items: { properties: { name: object } } } } };
  Object.assign(named.properties.checks.items.properties.name, { enum: questions.map(({ name }) => name) });
  return named;
}

/** JSON Schema as the API server takes it: no $schema, no key lists, integers by format instead of the safe range. */
function structural(schema: Schema): Schema {
  const { $schema: _dialect, additionalProperties: _rest, propertyNames: _keys, ...kept } = schema;
  const out: Record<string, unknown> = { ...kept };
  if (out.type === 'integer') {
    if (out.minimum === Number.MIN_SAFE_INTEGER) delete out.minimum;
    if (out.maximum === Number.MAX_SAFE_INTEGER) delete out.maximum;
    out.format = 'int64';
  }
  if (isSchema(out.items)) out.items = structural(out.items);
  if (isSchema(out.properties)) {
    out.properties = Object.fromEntries(
      Object.entries(out.properties).map(([name, property]) => [name, structural(property as Schema)]),
    );
  }
  return out;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In templates/, not crds/, so that an upgrade brings the new schema; kept at uninstall, since it holds everyone's cards. */
function chartTemplate(manifest: string): string {
  const annotated = templateBody(manifest).replace(
    /^metadata:\n( {2}name: .*\n)/m,
    `metadata:\n$1  labels:\n    {{- include "agentcard-operator.labels" . | nindent 4 }}\n  annotations:\n    helm.sh/resource-policy: keep\n`,
  );
  return `# ${generatedNotice}\n{{- if .Values.crd.install }}\n${annotated}{{- end }}\n`;
}
