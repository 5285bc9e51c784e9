import { describe, expect, test } from 'vitest';
import type { AgentCardSpec } from '../../../../src/operator/api/agentcard.ts';
import { expectedIds } from '../../../../src/operator/judge/expected.ts';
import { defaultTemplate, renderSpiffeId } from '../../../../src/operator/settings/spiffe-id-template.ts';

const values = { trustDomain: 'example.org', namespace: 'team', serviceAccount: 'weather' };
const spec = (identityBinding: AgentCardSpec['identityBinding']): AgentCardSpec => ({
  syncPeriod: '5m',
  identityBinding,
});
const expected = (identityBinding?: AgentCardSpec['identityBinding'], template = defaultTemplate) =>
  expectedIds(spec(identityBinding), template, values);

describe('the expected identity', () => {
  test("is the workload's own by the default template", () => {
    expect(expected()).toEqual({ ok: true, value: ['spiffe://example.org/ns/team/sa/weather'] });
  });

  test('follows a template of the platform, with and without spaces in its actions', () => {
    const template = 'spiffe://{{.TrustDomain}}/k8s/{{- .PodMeta.Namespace -}}/{{ .PodSpec.ServiceAccountName }}';
    expect(expected(undefined, template)).toEqual({ ok: true, value: ['spiffe://example.org/k8s/team/weather'] });
  });

  test('is in the trust domain that the card names, whatever its case', () => {
    const value = ['spiffe://partner.example/ns/team/sa/weather'];
    expect(expected({ trustDomain: 'Partner.Example' })).toEqual({ ok: true, value });
  });

  test('is what the card allows and nothing else, template and trust domain aside', () => {
    const allowed = ['spiffe://b.example/two', 'spiffe://a.example/one'];
    const binding = { allowedSpiffeIDs: allowed, trustDomain: 'partner.example' };
    expect(expected(binding)).toEqual({ ok: true, value: [...allowed].sort() });
  });

  test('is the workload’s own where the list of allowed ones is empty', () => {
    expect(expected({ allowedSpiffeIDs: [] })).toEqual(expected());
  });
});

describe('a template', () => {
  test('with a name that no workload template decides is an error, not an empty text', () => {
    const rendered = renderSpiffeId('spiffe://{{ .TrustDomain }}/{{ .PodMeta.UID }}', values);
    expect(rendered).toMatchObject({ ok: false, error: { code: 'TemplateUnknownName' } });
  });

  test.each([
    'https://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}',
    'spiffe://{{ .TrustDomain }}/ns//sa',
    'spiffe://{{ .TrustDomain }}/',
    'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/../x',
  ])('that gives no SPIFFE ID is an error: %s', (template) => {
    expect(renderSpiffeId(template, values).ok).toBe(false);
  });

  test('takes a value as it is, also where it looks like a replacement pattern', () => {
    const rendered = renderSpiffeId(defaultTemplate, { ...values, serviceAccount: 'a$&b' });
    expect(rendered.ok).toBe(false);
  });
});
