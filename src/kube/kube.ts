export { ApiError, hasCode, KubeClient, resourcePath } from './client/client.ts';
export { type ClusterConfig, inClusterConfig, kubeconfigConfig } from './client/config.ts';
export { metadataType, objectPath } from './client/path.ts';
export { Informer, type InformerObserver, type InformerOptions } from './watch/informer.ts';
export { OptionalInformer } from './watch/optional-informer.ts';
