export {
  type IdentityHealth,
  type IdentityListener,
  type IdentityOptions,
  type IdentitySnapshot,
  IdentitySource,
  type IdentityState,
} from './workload-api/identity.ts';
export { backoff, type WorkloadApiOptions, watchX509Contexts, workloadApi } from './workload-api/stream.ts';
