import { customResources } from './resources.ts';

/** How the AgentCard kind is called and shown; its fields are in agentcard.ts. */

/** kubectl columns; priority 1 is shown by -o wide. What an agent or a card's editor chose stands in none as it came. */
export const printerColumns = [
  column('Agent', '.status.agentName'),
  column('Ready', conditionPath('Ready', 'status')),
  column('Reason', conditionPath('Ready', 'reason')),
  column('Verified', conditionPath('Verified', 'status')),
  column('Bound', conditionPath('Bound', 'status')),
  column('Synced', conditionPath('Synced', 'status')),
  column('Kind', '.spec.targetRef.kind'),
  column('Target', '.spec.targetRef.name'),
  column('Age', '.metadata.creationTimestamp', { type: 'date' }),
  column('Protocol', '.status.protocol', { priority: 1 }),
  column('Source', '.status.source', { priority: 1 }),
  column('AttestedAgent', '.status.attestedAgentSpiffeId', { priority: 1 }),
  column('Replicas', '.status.replicas.attested', { priority: 1, type: 'integer' }),
  column('Changed', '.status.lastSyncTime', { priority: 1, type: 'date' }),
] as const;

export const kindNames = {
  ...customResources.agentCards,
  singular: 'agentcard',
  shortNames: ['cards'],
  categories: ['a2a'],
} as const;

function column(name: string, jsonPath: string, more: { priority?: number; type?: string } = {}) {
  return { name, type: 'string', jsonPath, ...more };
}

function conditionPath(type: string, field: 'status' | 'reason'): string {
  return `.status.conditions[?(@.type=="${type}")].${field}`;
}
