export { type IdentitySnapshot, IdentitySource } from './workload-api/identity.ts';
export { backoff, workloadApi } from './workload-api/stream.ts';
