/** The shapes of the wire, keys and where kinds live. Pure: nothing here reaches a client. */
export * from './client/kinds.ts';
export {
  compareVersions,
  type Key,
  type KubeObject,
  keyOf,
  microTime,
  type ObjectMeta,
  type OwnerReference,
  type Resource,
  splitKey,
  typeOf,
} from './client/objects.ts';
