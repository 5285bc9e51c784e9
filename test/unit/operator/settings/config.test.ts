import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../../src/operator/settings/config.ts';
import { flags } from '../../../../src/operator/settings/flag-table.ts';
import { describeFlags } from '../../../../src/operator/settings/flags.ts';

const spiffe = ['--enable-verified-fetch', '--trust-domain=example.org', '--spiffe-endpoint-socket=unix:///s'];

function problems(args: readonly string[], env: Record<string, string> = {}): string {
  const read = readConfig(args, env);
  return 'problems' in read ? read.problems.join('\n') : '';
}

function config(args: readonly string[], env: Record<string, string> = {}) {
  const read = readConfig(args, env);
  if ('problems' in read) throw new Error(read.problems.join('\n'));
  return read.config;
}

describe('flags and variables', () => {
  test('the defaults hold together', () => {
    expect(config([])).toMatchObject({
      enableVerifiedFetch: false,
      enforcement: 'off',
      evidenceTtl: 600_000,
      strictBinding: 'true',
    });
  });

  test('a flag beats its variable, which beats the default', () => {
    expect(config([], { AGENTCARD_FETCH_TIMEOUT: '3s' }).fetchTimeout).toBe(3_000);
    expect(config(['--fetch-timeout=2s'], { AGENTCARD_FETCH_TIMEOUT: '3s' }).fetchTimeout).toBe(2_000);
  });

  test('a value may stand alone, and a switch may stand without one', () => {
    expect(config(['--log-level', 'debug', '--leader-elect', '--concurrency', '4'])).toMatchObject({
      logLevel: 'debug',
      leaderElect: true,
      concurrency: 4,
    });
  });

  test('the names of the Go operator mean the same here', () => {
    const read = config(
      [
        '--enforce-network-policies',
        '--spire-trust-domain=example.org',
        '--verified-fetch-spiffe-socket=unix:///s',
        '--enable-verified-fetch=true',
      ],
      { POD_NAMESPACE: 'x' },
    );
    expect(read).toMatchObject({
      enforcement: 'enforce',
      trustDomain: 'example.org',
      spiffeEndpointSocket: 'unix:///s',
    });
  });

  test('SPIFFE_ENDPOINT_SOCKET is the default of the socket', () => {
    const read = config(['--enable-verified-fetch', '--trust-domain=example.org'], {
      SPIFFE_ENDPOINT_SOCKET: 'unix:///e',
    });
    expect(read.spiffeEndpointSocket).toBe('unix:///e');
  });

  test('variables that Kubernetes sets for Services are not taken for flags', () => {
    expect(
      problems([], { AGENTCARD_OPERATOR_SERVICE_HOST: '10.0.0.1', AGENTCARD_OPERATOR_PORT_8080_TCP: 'tcp://x' }),
    ).toBe('');
  });

  test('no flag is taken for such a variable, however its name ends', () => {
    expect(config([]).agentTlsPortName).toBe('agent-tls');
    expect(config([], { AGENTCARD_AGENT_TLS_PORT_NAME: 'mtls' }).agentTlsPortName).toBe('mtls');
  });

  test.each(['a', 'a2a', '9p', '1-2-c', 'x-1', 'exactly-15-long'])('%s is a name of a port', (name) => {
    expect(config([`--agent-tls-port-name=${name}`]).agentTlsPortName).toBe(name);
  });

  test.each(['', '443', '1-2', 'TLS', '-a', 'a-', 'a--b', 'a.b', 'sixteen-long-one', 'a\n'])('%j is none', (name) => {
    const said = '--agent-tls-port-name: must be a port name: at most 15 lower-case letters, digits and single hyphens';
    expect(problems([`--agent-tls-port-name=${name}`])).toBe(`${said} inside, and a letter`);
  });

  test('--help names every flag', () => {
    for (const { name } of Object.values(flags)) expect(describeFlags(flags)).toContain(`--${name}`);
  });
});

describe('what cannot work is refused at start, with what to do', () => {
  test.each([
    [['--nonsense'], '--nonsense is not a known flag'],
    [['stray'], 'stray is not a known flag'],
    [['--fetch-timeout=soon'], '--fetch-timeout: must be a duration'],
    [['--concurrency=0'], '--concurrency: must be from 1 to 256'],
    [['--max-distrust=200'], '--max-distrust: must be a whole number from 0 to 100'],
    [['--dns-cidr=foo'], '--dns-cidr: must be address ranges by commas'],
    [['--dns-cidr=10.0.0.0/33'], '--dns-cidr: must be address ranges by commas'],
    [['--dns-cidr=fd00::/8,10.0.0.999/32'], '--dns-cidr: must be address ranges by commas'],
    [['--trust-domain=spiffe://example.org'], '--trust-domain: must be a trust domain alone'],
    [['--metrics-bind-address=8080'], '--metrics-bind-address: must be [host]:port'],
    [['--ingress-allow={}'], '--ingress-allow: must be a JSON list'],
    [['--enable-verified-fetch', '--spiffe-endpoint-socket=unix:///s'], '--trust-domain is empty'],
    [[...spiffe.slice(0, 1), '--trust-domain=EXAMPLE.org', '--spiffe-endpoint-socket=unix:///s'], '--trust-domain: '],
    [['--enable-verified-fetch', '--trust-domain=example.org'], '--spiffe-endpoint-socket is empty'],
    [[...spiffe, '--spiffe-id-template=spiffe://{{ .Nope }}/x'], '{{ .Nope }} is not one of'],
    [['--enforcement=enforce'], '--enforcement=enforce needs a way to verify agents'],
    [[...spiffe, '--enforcement=enforce'], 'set POD_NAMESPACE'],
    [['--profiling'], '--profiling needs a port for metrics'],
    [['--require=mtls'], '--require=mtls needs the mechanism on'],
    [['--require=sigstore'], '--require: '],
    [['--signature-forms=made-up'], '--signature-forms: '],
    [['--namespaces=Team_A'], '--namespaces: must be names of namespaces, by commas'],
    [['--namespaces=team-a,'], '--namespaces: must be names of namespaces, by commas'],
    [['--floor-allowed-ids=foo'], '--floor-allowed-ids: must be a SPIFFE ID with a path'],
    [['--egress-allow=foo'], '--egress-allow: must be a JSON list'],
    [['--card-paths=/a,card.json'], '--card-paths: must be paths that start with /'],
  ])('%j: %s', (args, said) => {
    expect(problems(args)).toContain(said);
  });

  test('an unknown variable is refused too', () => {
    expect(problems([], { AGENTCARD_TRUST_DOMIAN: 'x' })).toContain('AGENTCARD_TRUST_DOMIAN is not a known variable');
  });
});
