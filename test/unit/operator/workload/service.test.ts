import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../../../../src/kube/objects.ts';
import { choosePort, chooseService, endpointsBeyond, endpointsOf } from '../../../../src/operator/workload/service.ts';
import { card, workload } from '../kit/builders.ts';

const { spec } = card();
const tls = 'agent-tls';

function named(name: string, selector: Record<string, string> | undefined, ports = ['http']): Service {
  return {
    metadata: { name, namespace: 'team' },
    spec: { ...(selector ? { selector } : {}), ports: ports.map((port, index) => ({ name: port, port: 80 + index })) },
  };
}

describe('finding the Service', () => {
  const mine = { app: 'weather' };

  test.each<[string, Service[], string]>([
    ['the one named like the workload comes first', [named('weather', undefined), named('other', mine)], 'weather'],
    [
      'the only selecting one with agent-tls comes next',
      [named('a', mine), named('b', mine, ['http', 'agent-tls'])],
      'b',
    ],
    ['the only selecting one comes last', [named('a', mine), named('x', { app: 'other' })], 'a'],
  ])('%s', (_, services, expected) => {
    const choice = chooseService(spec, workload, services, tls);
    expect(choice.ok && choice.service.metadata.name).toBe(expected);
  });

  test('the one that the card names beats all, and its absence is not made up for', () => {
    const pinned = { ...spec, endpoint: { service: 'front' } };
    const choice = chooseService(pinned, workload, [named('weather', mine), named('front', undefined)], tls);
    expect(choice.ok && choice.service.metadata.name).toBe('front');
    expect(chooseService(pinned, workload, [named('weather', mine)], tls)).toMatchObject({
      ok: false,
      reason: 'ServiceNotFound',
    });
  });

  test('several that fit equally are named in order', () => {
    const choice = chooseService(spec, workload, [named('b', mine), named('a', mine)], tls);
    expect(choice).toMatchObject({ ok: false, reason: 'AmbiguousService' });
    expect(choice.ok ? '' : choice.message).toContain('a, b');
  });

  test('a Service without a selector selects nothing', () => {
    expect(chooseService(spec, workload, [named('x', undefined)], tls)).toMatchObject({
      ok: false,
      reason: 'ServiceNotFound',
    });
  });
});

describe('choosing the port', () => {
  test('agent-tls wins while mutual TLS is on, and endpoint.port does not disable it', () => {
    const service = named('weather', undefined, ['a2a', 'agent-tls']);
    expect(choosePort({ ...spec, endpoint: { port: 'a2a' } }, service, true, tls)).toEqual({
      transport: 'mtls',
      portName: 'agent-tls',
    });
  });

  test.each([
    [['metrics', 'http', 'a2a'], 'a2a'],
    [['metrics', 'http'], 'http'],
    [['metrics', 'agent-tls'], 'metrics'],
    [['agent-tls', 'metrics'], 'metrics'],
  ])('of %j plain HTTP takes %s', (ports, expected) => {
    expect(choosePort(spec, named('w', undefined, ports), false, tls)).toEqual({
      transport: 'http',
      portName: expected,
    });
  });

  test('the TLS port has the name that is configured, and agent-tls is then a port like any other', () => {
    const service = named('weather', undefined, ['agent-tls', 'mtls']);
    expect(choosePort(spec, service, true, 'mtls')).toEqual({ transport: 'mtls', portName: 'mtls' });
    expect(choosePort(spec, service, false, 'mtls')).toEqual({ transport: 'http', portName: 'agent-tls' });
    const mine = { app: 'weather' };
    const services = [named('a', mine, ['agent-tls']), named('b', mine, ['mtls'])];
    const choice = chooseService(spec, workload, services, 'mtls');
    expect(choice.ok && choice.service.metadata.name).toBe('b');
  });

  test('a named port that is not there is said, not replaced', () => {
    const choice = choosePort({ ...spec, endpoint: { port: 'cards' } }, named('w', undefined), false, tls);
    expect(choice).toMatchObject({ transport: 'none', message: 'Service w has no port named cards for plain HTTP.' });
  });
});

describe('the endpoints', () => {
  const service: Service = { metadata: { name: 'w' }, spec: { ipFamilies: ['IPv6', 'IPv4'] } };
  const endpoint = (name: string, address: string, conditions = {}) => ({
    addresses: [address],
    conditions,
    targetRef: { kind: 'Pod', name, uid: `${name}-uid` },
  });
  const slice = (over: Partial<EndpointSlice>): EndpointSlice => ({
    metadata: { name: 's' },
    addressType: 'IPv6',
    ports: [{ name: 'http', port: 8080 }],
    ...over,
  });

  test('the first family of the Service is used, each pod once', () => {
    const slices = [
      slice({ endpoints: [endpoint('a', 'fd00::1'), endpoint('a', 'fd00::1')] }),
      slice({ addressType: 'IPv4', endpoints: [endpoint('a', '198.19.0.1')] }),
    ];
    expect(endpointsOf(service, slices, 'http').map(({ address, family }) => [address, family])).toEqual([
      ['fd00::1', 'IPv6'],
    ]);
  });

  test('a pod that is not ready is asked, a terminating one is not', () => {
    const slices = [
      slice({
        endpoints: [endpoint('a', 'fd00::1', { ready: false }), endpoint('b', 'fd00::2', { terminating: true })],
      }),
    ];
    expect(endpointsOf(service, slices, 'http').map(({ podName, ready }) => [podName, ready])).toEqual([['a', false]]);
  });

  test.each([
    ['a number', 8443, [8443]],
    ['left out', undefined, [443]],
    ['a name, which the pods decide', 'tls', []],
  ])('a port that the slices do not know yet is asked where its target is %s', (_, targetPort, ports) => {
    const tls = { name: 'agent-tls', port: 443, ...(targetPort === undefined ? {} : { targetPort }) };
    const grown: Service = { ...service, spec: { ...service.spec, ports: [tls] } };
    const slices = [slice({ endpoints: [endpoint('a', 'fd00::1')] })];
    expect(endpointsOf(grown, slices, 'agent-tls').map(({ port }) => port)).toEqual(ports);
  });

  test.each([65_536, -1, 0])('at port %i nobody can be asked, whatever the API takes', (port) => {
    const slices = [slice({ ports: [{ name: 'http', port }], endpoints: [endpoint('a', 'fd00::1')] })];
    expect(endpointsOf(service, slices, 'http')).toEqual([]);
  });

  test('of more than can be looked at, the first by slice and place are, in whatever order the slices come', () => {
    const slices = ['c', 'a', 'b'].map((name) => {
      const endpoints = Array.from({ length: 1000 }, (_, i) => endpoint(`${name}-${i}`, 'fd00::1'));
      return slice({ metadata: { name }, endpoints });
    });
    const seen = endpointsOf(service, slices, 'http').map(({ podName }) => podName);
    expect([seen.length, endpointsBeyond(service, slices)]).toEqual([2048, 952]);
    expect(seen.filter((name) => name.startsWith('c-')).length).toBe(48);
    expect(endpointsOf(service, slices.toReversed(), 'http').map(({ podName }) => podName)).toEqual(seen);
  });

  test('what the same entries say again and again counts as often, and no more of it is read', () => {
    let read = 0;
    const counted = { ...endpoint('a', 'fd00::1') };
    const endpoints = Array.from({ length: 1000 }, () => ({
      ...counted,
      get addresses() {
        read += 1;
        return ['fd00::1'];
      },
    }));
    const slices = Array.from({ length: 130 }, (_, i) => slice({ metadata: { name: `s${i}` }, endpoints }));
    expect(endpointsOf(service, slices, 'http').length).toBe(1);
    expect(read).toBe(2048);
  });

  test('what is no pod, or has no such port, is nobody to ask', () => {
    const node = { ...endpoint('n', 'fd00::9'), targetRef: { kind: 'Node', name: 'n', uid: 'n' } };
    expect(endpointsOf(service, [slice({ endpoints: [node] }), slice({ ports: null })], 'http')).toEqual([]);
  });
});
