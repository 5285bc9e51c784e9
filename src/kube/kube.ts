export { ApiError, type TransportReason } from './client/api-error.ts';
export { hasCode, KubeClient, type RawCall } from './client/client.ts';
export { type ClusterConfig, inClusterConfig, kubeconfigConfig } from './client/config.ts';
export type {
  CallOptions,
  ClientOptions,
  ClientTelemetry,
  DeleteOptions,
  FinishedCall,
  ListOptions,
  Page,
  PatchOptions,
  Selector,
} from './client/options.ts';
export { metadataType, objectPath, resourcePath } from './client/path.ts';
export type { Answer } from './client/transport.ts';
export * from './objects.ts';
export { Informer, type InformerOptions, type InformerTelemetry } from './watch/informer.ts';
export { OptionalInformer } from './watch/optional-informer.ts';
export type { Handler, IndexFunction } from './watch/store.ts';
export type { ReflectorTiming } from './watch/watch-plan.ts';
