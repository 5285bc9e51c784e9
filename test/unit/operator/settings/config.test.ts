import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../../src/operator/settings/config.ts';
import { flags } from '../../../../src/operator/settings/flag-table.ts';
import { describeFlags, parseFlags } from '../../../../src/operator/settings/flags.ts';
import { flags as signerFlags, problemsOf as signerProblems } from '../../../../src/signer/settings.ts';

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
    [
      [...spiffe, '--spiffe-endpoint-socket=/run/agent.sock'],
      '--spiffe-endpoint-socket or SPIFFE_ENDPOINT_SOCKET must be',
    ],
    [['--enforce-network-policies=0'], '--enforcement: '],
    [['--trust-bundle-file=/ca.pem', '--trust-bundle-configmap=a/b'], 'set one of both'],
    [['--floor-allowed-ids=spiffe://example.org/a'], '--floor-allowed-ids counts under --strict-binding=floor alone'],
    [['--metrics-bind-address=:8081'], 'give each a port of its own'],
    [['--metrics-bind-address=127.0.0.1:8081'], 'give each a port of its own'],
  ])('%j: %s', (args, said) => {
    expect(problems(args)).toContain(said);
  });

  const anyDuration = [
    '',
    ' ',
    '0',
    '0s',
    '-5s',
    '5',
    '5 s',
    'NaN',
    '1e3s',
    'Infinity',
    '1ns',
    '5000h',
    '99999h',
    '5s\n',
  ];
  const anyAddress = ['', ' ', '8080', ':', ':-1', ':99999', ':65536', ':NaN', '::80', 'a b:80', ':80 ', ':80\n'];
  const anyNumber = ['', ' ', '-1', 'NaN', '1.5', '1e1', 'Infinity', '99999999999', '1 ', '0x1'];
  const anyName = [' ', 'a', '/', '-/-', 'a/', '/b', 'A/b', 'a/b ', 'a/b/c'];
  const table: Readonly<Record<string, readonly string[]>> = {
    'fetch-timeout': [...anyDuration, '10m1s'],
    'evidence-ttl': [...anyDuration, '169h'],
    'max-hold': [...anyDuration, '169h'],
    'metrics-bind-address': anyAddress,
    'health-probe-bind-address': anyAddress,
    concurrency: [...anyNumber, '0', '257'],
    'fetch-concurrency': [...anyNumber, '0', '1025'],
    'max-distrust': [...anyNumber, '101'],
    'trust-bundle-configmap': anyName,
    'dns-service': ['', ...anyName],
    'trust-bundle-configmap-key': ['', ' ', 'a b', '../x'],
    'trust-bundle-file': [' ', ' /ca.pem', '/ca.pem '],
    kubeconfig: [' ', '/k '],
    'trust-domain': [' ', 'a b', 'a/b', 'A'],
    'agent-tls-port-name': ['', ' ', 'A b'],
    'signature-forms': ['', ' ', 'x'],
    require: [' x', 'x', 'mtls,,signature'],
    'strict-binding': ['', ' true', 'TRUE', '1'],
    enforcement: ['', 'on', 'true'],
    'enforce-network-policies': ['', '0', 'no', 'False'],
    'floor-allowed-ids': [' x', 'spiffe://a', 'x'],
    'ingress-allow': ['', ' ', '{}', 'null', '[1]'],
    'egress-allow': ['', ' ', '{}', 'null', '[1]'],
    'dns-cidr': ['10.0.0.1', 'x', '10.0.0.0/-1'],
    'card-paths': ['x', '/a b'],
    namespaces: ['A', '-a', 'a b'],
    'leader-elect': ['', '1', 'yes', ' true'],
    profiling: ['', '1'],
    'enable-verified-fetch': ['', '1', 'True'],
    'enable-signature-verification': ['', '1', 'True'],
    'log-level': ['', 'trace', 'INFO'],
    'log-format': ['', 'JSON'],
  };

  test('every flag is in the table but those that depend on others', () => {
    const elsewhere = ['spiffe-endpoint-socket', 'spiffe-id-template'];
    expect(
      Object.values(flags)
        .map(({ name }) => name)
        .filter((name) => !(name in table)),
    ).toEqual(elsewhere);
  });

  test.each(Object.entries(table).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    '--%s=%j is refused by name',
    (name, value) => {
      expect(problems([`--${name}=${value}`])).toMatch(/^--[a-z-]+: /);
      expect(problems([`--${name}=${value}`])).toContain(
        name === 'enforce-network-policies' ? '--enforcement' : `--${name}`,
      );
    },
  );

  test.each(['1.5ms', '5s', '1h30m', '168h'])('a lease of %s is whole milliseconds that a timer takes', (text) => {
    expect(config([`--evidence-ttl=${text}`]).evidenceTtl).toSatisfy(
      (ms: number) => Number.isInteger(ms) && ms < 2 ** 31,
    );
  });

  test.each(['0', ':0', ':65535', '127.0.0.1:9', 'localhost:9', '[::1]:9', '[fd00::1]:0'])(
    '%s is an address',
    (text) => {
      expect(config([`--metrics-bind-address=${text}`]).metricsBindAddress).toBe(text);
    },
  );

  test.each(['unix:///s', 'unix:/run/s', 'tcp://127.0.0.1:8081', 'tcp://[::1]:81'])('%s is a socket', (socket) => {
    expect(config([...spiffe, `--spiffe-endpoint-socket=${socket}`]).spiffeEndpointSocket).toBe(socket);
  });

  test.each(['--sign-timeout=5000h', '--sign-timeout=0s', '--health-probe-bind-address=:99999', '--card= ', '--card='])(
    'so does the signer: %s',
    (argument) => {
      expect(parseFlags(signerFlags, [argument], {}).problems.join()).toContain(argument.split('=')[0]);
    },
  );

  test('a signer writes to another file than it reads', () => {
    const { values } = parseFlags(signerFlags, ['--card=/a', '--unsigned-card=/a'], {});
    expect(values && signerProblems(values)).toEqual([expect.stringContaining('are one file')]);
  });

  test('an unknown variable is refused too', () => {
    expect(problems([], { AGENTCARD_TRUST_DOMIAN: 'x' })).toContain('AGENTCARD_TRUST_DOMIAN is not a known variable');
  });
});
