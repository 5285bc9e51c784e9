import * as z from 'zod';

/** NetworkPolicy rules as people write them in flags. Strict: the API server would drop a misspelt member, and a rule without peers lets everybody in. */

const labels = z.record(z.string(), z.string());
const operator = z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']);
const expression = z.strictObject({ key: z.string(), operator, values: z.array(z.string()).optional() });
const selector = z.strictObject({ matchLabels: labels.optional(), matchExpressions: z.array(expression).optional() });
const cidr = z.union([z.cidrv4(), z.cidrv6()]);
const range = z.strictObject({ cidr, except: z.array(cidr).optional() });
const peer = z.union([
  z.strictObject({ ipBlock: range }),
  z
    .strictObject({ podSelector: selector.optional(), namespaceSelector: selector.optional() })
    .refine(({ podSelector, namespaceSelector }) => podSelector !== undefined || namespaceSelector !== undefined),
]);
const portNumber = z.int().min(1).max(65_535);
const port = z.strictObject({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
  port: z.union([portNumber, z.string().min(1).max(15)]).optional(),
  endPort: portNumber.optional(),
});
const ports = z.array(port).optional();

export const ingressRules = z.array(z.strictObject({ from: z.array(peer).optional(), ports }));
export const egressRules = z.array(z.strictObject({ to: z.array(peer).optional(), ports }));
