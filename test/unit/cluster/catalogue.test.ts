import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  allTools,
  buildArgs,
  estimate,
  nodeTools,
  otherApiServers,
  type Part,
  paceOf,
  parts,
} from '../../cluster/catalogue.ts';
import { atLeast, goVersion } from '../../cluster/go-toolchain.ts';

const pin = (module: string, file: string) =>
  readFileSync(fileURLToPath(new URL(`../../cluster/tools/${module}/${file}`, import.meta.url)), 'utf8');

describe.each([...allTools, ...otherApiServers])('%s', (name) => {
  const part: Part = parts[name];
  const source = part.source.kind === 'binary' ? part.source.package : part.source.of;

  test('comes from a module that its go.mod requires and its go.sum pins', () => {
    const required = [...pin(part.module, 'go.mod').matchAll(/^\s*(?:require )?(\S+) (v\S+)/gm)];
    const [, path, version] = required.find(([, path]) => source === path || source.startsWith(`${path}/`)) ?? [];
    expect(path).toBeDefined();
    expect(pin(part.module, 'go.sum')).toContain(`${path} ${version} h1:`);
  });

  test('builds with every Go 1.26', () => {
    expect(goVersion(pin(part.module, 'go.mod'))).toEqual([1, 26, 0]);
  });
});

test('fake nodes, the kinds of others and what judges rules, health and workflows are no part of a node', () => {
  const others = allTools.filter((name) => !nodeTools.includes(name));
  const sandboxes = ['agent-sandbox-controller', 'agent-sandbox-manifests'];
  expect(others).toEqual([...sandboxes, 'kwok', 'kwok-stages', 'promtool', 'health', 'prometheus-crds', 'actionlint']);
});

test('a build strips paths and symbols and tells Kubernetes its version', () => {
  expect(buildArgs(parts.etcd, '/out')).toEqual([
    ...['build', '-trimpath', '-gcflags=all=-dwarf=false'],
    ...['-ldflags', '-s -w', '-o', '/out', 'go.etcd.io/etcd/server/v3'],
  ]);
  const flags = buildArgs(parts.kubelet, '/out').join(' ');
  expect(flags).toContain('-X k8s.io/component-base/version.gitVersion=v1.37.2');
  expect(flags).toContain('-X k8s.io/component-base/version.gitMinor=37');
  expect(pin('kubernetes', 'go.mod')).toContain('k8s.io/kubernetes v1.37.2');
});

test('an API server of another release says which one it is, and comes from that', () => {
  expect(otherApiServers.length).toBeGreaterThan(0);
  for (const name of otherApiServers) {
    const { module } = parts[name];
    const [, version = ''] = /k8s\.io\/kubernetes (v1\.\d+\.\d+)/.exec(pin(module, 'go.mod')) ?? [];
    expect(name).toBe(`kube-apiserver-${version.slice(1).split('.').slice(0, 2).join('.')}`);
    expect(buildArgs(parts[name], '/out').join(' ')).toContain(`version.gitVersion=${version} `);
  }
});

test('an estimate names the cores and shrinks with them', () => {
  expect(estimate(['etcd'], 2)).toBe('about 39 s on 2 cores');
  expect(estimate(['etcd'], 1)).toBe('about 78 s on 1 core');
  expect(estimate(['kube-apiserver'], 2)).toBe('about 4 min on 2 cores');
  expect(estimate(['etcd'], 2, 1.5)).toBe('about 59 s on 2 cores');
});

test('Go versions are read from the tool and from go.mod, and compared as numbers', () => {
  expect(goVersion('go version go1.26.8 linux/amd64')).toEqual([1, 26, 8]);
  expect(goVersion('module m\n\ngo 1.26\n')).toEqual([1, 26, 0]);
  expect(goVersion('no version')).toBeUndefined();
  expect(atLeast([1, 26, 8], [1, 26, 0])).toBe(true);
  expect(atLeast([1, 26, 0], [1, 26, 0])).toBe(true);
  expect(atLeast([1, 9, 9], [1, 26, 0])).toBe(false);
  expect(atLeast([2, 0, 0], [1, 26, 8])).toBe(true);
});

test('what is left is estimated by how long the first tools took, whether all of them was in Go’s cache or a build stood still', () => {
  expect(paceOf([], 2, 0)).toBe(1);
  expect(paceOf(['etcd'], 2, 39 * 1.8)).toBeCloseTo(1.8);
  expect(paceOf(['etcd'], 4, 39 * 1.8)).toBeCloseTo(3.6);
  expect(paceOf(['etcd'], 2, 1)).toBe(0.5);
  expect(paceOf(['etcd'], 2, 3_600)).toBe(5);
});
