/** Specs and a status with every field that the Go operator knows, as its users and it write them. */
export const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather-agent' };

export const peerSpecs: readonly [string, Readonly<Record<string, unknown>>][] = [
  ['a target alone', { targetRef }],
  ['a StatefulSet', { targetRef: { ...targetRef, kind: 'StatefulSet' } }],
  ['a kind of another group', { targetRef: { apiVersion: 'agents.x-k8s.io/v1alpha1', kind: 'Sandbox', name: 'a' } }],
  ['the default period written out', { targetRef, syncPeriod: '30s' }],
  ['a compound period', { targetRef, syncPeriod: '1h30m' }],
  ['a fractional period', { targetRef, syncPeriod: '7.5s' }],
  ['a period in small units', { targetRef, syncPeriod: '6000ms' }],
  ['an empty binding', { targetRef, identityBinding: {} }],
  ['a loose binding', { targetRef, identityBinding: { trustDomain: 'example.org', strict: false } }],
  ['a strict binding', { targetRef, identityBinding: { trustDomain: 'Demo-1.Example.org', strict: true } }],
  ['an empty Sigstore section', { targetRef, sigstoreVerification: {} }],
  [
    'every field',
    {
      syncPeriod: '5m',
      targetRef,
      identityBinding: { trustDomain: 'demo.example.com', strict: true },
      sigstoreVerification: {
        certificateIdentity: 'https://git.example.org/team/agent/.flows/sign.yml@refs/heads/main',
        certificateOIDCIssuer: 'https://tokens.example.org',
      },
    },
  ],
];

const condition = (type: string) => ({
  type,
  status: 'True',
  reason: 'SignatureValid',
  message: 'The signature holds.',
  lastTransitionTime: '2026-01-02T03:04:05Z',
});

export const peerStatus = {
  card: {
    name: 'Weather Agent',
    description: 'Tells the weather',
    version: '1.0.0',
    url: 'http://weather-agent.default.svc.cluster.local:8000',
    documentationUrl: 'https://docs.example.org',
    iconUrl: 'https://docs.example.org/icon.png',
    provider: { organization: 'Example', url: 'https://example.org' },
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extensions: [
        { uri: 'urn:example:x', description: 'x', required: false, params: { depth: 3, more: [null, 1.5] } },
      ],
    },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain', 'application/json'],
    skills: [
      {
        id: 'forecast',
        name: 'Forecast',
        description: 'Forecasts',
        tags: ['weather'],
        examples: ['Will it rain?'],
        inputModes: ['text/plain'],
        outputModes: ['text/plain'],
        parameters: [{ name: 'city', type: 'string', description: 'Which city', required: true, default: 'Oslo' }],
      },
    ],
    supportsAuthenticatedExtendedCard: false,
    signatures: [{ protected: 'eyJ9', signature: 'c2ln', header: { timestamp: '2026-01-02T03:04:05Z' } }],
  },
  conditions: ['Synced', 'SignatureVerified', 'Bound', 'Verified', 'Ready'].map(condition),
  lastSyncTime: '2026-01-02T03:04:05Z',
  protocol: 'a2a',
  targetRef,
  validSignature: true,
  signatureVerificationDetails: 'verified by its x5c chain',
  signatureKeyId: '0123456789abcdef',
  signatureSpiffeId: 'spiffe://example.org/ns/default/sa/weather',
  signatureIdentityMatch: true,
  cardId: 'a'.repeat(64),
  attestedAgentSpiffeId: 'spiffe://example.org/ns/default/sa/weather',
  expectedSpiffeID: 'spiffe://example.org/ns/default/sa/weather',
  bindingStatus: {
    bound: true,
    reason: 'Bound',
    message: 'The trust domain fits.',
    lastEvaluationTime: '2026-01-02T03:04:05Z',
  },
  sigstoreBundleVerified: true,
  sigstoreIdentity: 'https://git.example.org/team/agent',
  rekorLogIndex: '123456789',
  slsaRepository: 'https://git.example.org/team/agent',
  slsaCommitSHA: 'b'.repeat(40),
};
