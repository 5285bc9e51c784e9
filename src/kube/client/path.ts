import type { Key, Resource } from './objects.ts';

/** What to accept when only the metadata of an object, or of a list's items, is wanted. */
export const metadataType = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
export const metadataListType = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** `/apis/apps/v1/namespaces/a/deployments/b/status`; without a namespace the whole cluster. */
export function resourcePath(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${resource.plural}${object}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** The path of one object; throws when the key does not fit the resource's scope. */
export function objectPath(resource: Resource, key: Key, subresource?: string): string {
  const slash = key.indexOf('/');
  if (resource.namespaced !== slash > 0) throw new TypeError(`"${key}" is no key of a ${resource.kind}`);
  return resourcePath(resource, slash > 0 ? key.slice(0, slash) : undefined, key.slice(slash + 1), subresource);
}
