import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { chart, helm, image, objectsOf, render, renderOn, verified } from './helm.ts';

describe('values that lack something', () => {
  const needed = valuePaths(parse(readFileSync(`${chart}/values.yaml`, 'utf8')));

  test.each(needed)('%s renders, or is missed in a sentence', async (path) => {
    const everything = 'metrics.podMonitor.enabled=true,metrics.rules.enabled=true,metrics.dashboard.enabled=true';
    const told = await render(verified, everything, `${path}=null`).catch(String);
    const kept = /the values lack \S+, which this chart brings: .* Upgrade with --reset-then-reuse-values/;
    const empty = /(image\.repository: name the image|is empty: (set|name))/;
    expect(told).toSatisfy((text: string) => text.includes('kind: Deployment') || kept.test(text) || empty.test(text));
  });

  test.each(['cleanup', 'cleanup.enabled', 'spiffe.clusterSPIFFEID', 'config', 'podSecurityContext'])(
    'as those that were kept of a chart without %s: it is named, with the way to upgrade',
    async (path) => {
      const way = 'Upgrade with --reset-then-reuse-values in place of --reuse-values';
      await expect(render(`${path}=null`)).rejects.toThrow(new RegExp(`the values lack ${path}, .*${way}`));
    },
  );
});

/** Of every value and group of values. */
function valuePaths(values: object, above = ''): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = `${above}${name}`;
    const below =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? valuePaths(value, `${path}.`) : [];
    return [path, ...below.filter((each) => !/\.labels\.|^resources\./.test(each))];
  });
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** What a schema says something about: its values without further ones below. */
function leavesOf({ properties }: Schema, above = ''): string[] {
  if (properties === undefined) return [above];
  return Object.entries(properties).flatMap(([name, each]) => leavesOf(each, `${above}/${name}`));
}

describe('a typo in a value', () => {
  const leaves = leavesOf(JSON.parse(readFileSync(`${chart}/values.schema.json`, 'utf8')));
  /** The image is set besides. Paths of files may have spaces inside; the socket is refused in favour of another value. */
  const anyText = [
    '/image/repository',
    ...['kubeconfig', 'spiffe-endpoint-socket', 'trust-bundle-file'].map((flag) => `/config/${flag}`),
  ];

  test.each(leaves.filter((path) => !anyText.includes(path)))('is refused in %s', async (path) => {
    const value = `${path.slice(1).replaceAll('/', '.')}="Foo_ bar:"`;
    await expect(renderOn([], '--set-json', value)).rejects.toThrow(`at '${path}': `);
  });

  const worksToday = [
    [
      'config.require=',
      'config.require=mtls',
      'config.require=["mtls","signature"]',
      'config.require=mtls\\, signature',
    ],
    ['config.signature-forms=spec-8.4.1', 'config.signature-forms=raw-jcs\\, spec-8.4.1'],
    ['config.namespaces=', 'config.namespaces=a', 'config.namespaces=[]', 'config.namespaces=["a"," b "]'],
    ['config.card-paths=', 'config.card-paths=/a/*/card.json\\, /b?x=1', 'config.card-paths=["/a","/b,/c"]'],
    [
      'config.floor-allowed-ids=',
      'config.strict-binding=floor,config.floor-allowed-ids=spiffe://example.org/ns/a/sa/b\\,spiffe://b.test/x',
    ],
    ['config.ingress-allow=[]', 'config.egress-allow=[{"ports":[{"port":443}]}]'],
    ['config.dns-service=a/b', 'config.dns-service=["a/b","c/d"]'],
    [
      'config.dns-cidr=',
      'config.dns-cidr=10.0.0.1/32\\, fd00::/8',
      'config.dns-cidr=["::ffff:10.0.0.1/128","0.0.0.0/0"]',
    ],
    [
      'config.metrics-bind-address=0',
      'config.metrics-bind-address=:8080',
      'config.health-probe-bind-address=127.0.0.1:80',
    ],
    ['replicas=0', 'fullnameOverride=', 'fullnameOverride=a.b-c', 'serviceAccount.name=', 'serviceAccount.name=a.b'],
    [
      'resources=null',
      'injection.resources.limits=null',
      'resources.limits.nvidia\\.com/gpu=1',
      'resources.limits.cpu=0.5',
    ],
    [
      'config.spiffe-id-template=spiffe://{{ .TrustDomain }}/{{.PodSpec.ServiceAccountName}}',
      'config.fetch-timeout=1m30s',
    ],
    ['tolerations=[{"key":"a","operator":"Exists"}]', 'podLabels.a=b'],
    ['spiffe.csiDriver=csi.spiffe.io', 'image.tag=', 'image.tag=v1.2_3-a', `image.tag=a@sha256:${'0'.repeat(64)}`],
  ].flat();

  test.each(worksToday)('is not seen in %s', async (value) => {
    expect(await render(verified, 'signatureVerification.enabled=true', value)).toContain('kind: Deployment');
  });
});

describe('a chart that depends on this one', () => {
  const dependency = { name: 'agentcard-operator', version: '0.1.0', condition: 'agentcard-operator.enabled' };
  const definition = { apiVersion: 'v2', name: 'platform', version: '1.0.0', dependencies: [dependency] };

  async function renderParent(...values: string[]): Promise<string> {
    const parent = await mkdtemp(join(tmpdir(), 'parent-'));
    onTestFinished(() => rm(parent, { recursive: true }));
    await mkdir(join(parent, 'charts'));
    await cp(chart, join(parent, 'charts/agentcard-operator'), { recursive: true });
    await writeFile(join(parent, 'Chart.yaml'), JSON.stringify(definition));
    const set = [image, ...values].flatMap((value) => [
      '--set',
      value.replace(/(?<=^|,)(?=\w)/g, 'agentcard-operator.'),
    ]);
    return helm('template', 'demo', parent, '--kube-version', '1.37.0', ...set);
  }

  test('turns it on and off by its condition, with its values', async () => {
    expect(objectsOf(await renderParent('enabled=false'))).toEqual([]);
    const kinds = objectsOf(await renderParent(verified)).map(({ kind }) => kind);
    expect(kinds).toContain('Deployment');
    expect(kinds).toContain('CustomResourceDefinition');
  });
});
