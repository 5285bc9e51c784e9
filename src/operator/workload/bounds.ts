import type { EndpointSlice, ObjectMeta } from '@agentcard-operator/kube/objects';
import { labelDomains } from '../api/names.ts';
import type { Workload } from './workload.ts';

/** As JSON. The API server lets labels, selectors and references of one object fill 1.5 MB; of people's, none comes near. */
const longestPart = 16_384;
const longestReference = 1_024;
/** The first one is asked. */
const mostAddresses = 4;

export const isShort = (...parts: readonly unknown[]): boolean => JSON.stringify(parts).length <= longestPart;

/** Of labels that mean something to the operator, which are a handful. */
const domains = [...labelDomains, 'kubernetes.io', 'istio.io', 'linkerd.io'];

/** Of too many, those. */
function told(labels: Readonly<Record<string, string>>) {
  const isTelling = (key: string) => domains.some((domain) => `.${key}`.split('/')[0]?.endsWith(`.${domain}`));
  const few = Object.fromEntries(Object.entries(labels).filter(([key]) => isTelling(key)));
  return isShort(few) ? few : {};
}

/** Of an object that its author made large, what is short; each object is kept in so many bytes, and there may be thousands. */
export function boundedMetadata(metadata: ObjectMeta): ObjectMeta {
  if (isShort(metadata)) return metadata;
  const { labels = {}, annotations = {}, ownerReferences = [], finalizers = [], ...rest } = metadata;
  const controllers = ownerReferences.filter(({ controller }) => controller === true);
  return {
    ...rest,
    labels: isShort(labels) ? labels : told(labels),
    annotations: isShort(annotations) ? annotations : {},
    ownerReferences: isShort(controllers) ? controllers : [],
    finalizers: isShort(finalizers) ? finalizers : [],
  };
}

/**
 * Of a template with more labels those are known by which the workload chooses its pods, of a longer selector its labels, which
 * choose no less; one that chooses by more labels than that is not read at all.
 */
export function boundedWorkload(workload: Workload): Workload | undefined {
  const { labels, templateLabels, selector, meshMarks } = workload;
  if (isShort(labels, templateLabels, selector, meshMarks)) return workload;
  const { matchLabels = {} } = selector;
  if (!isShort(matchLabels)) return undefined;
  return {
    ...workload,
    labels: told(labels),
    selector: isShort(selector) ? selector : { matchLabels },
    templateLabels: isShort(templateLabels) ? templateLabels : matchLabels,
    meshMarks: isShort(meshMarks) ? meshMarks : {},
  };
}

type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** The API server bounds neither how many addresses an endpoint has for us nor what a reference says. */
export function boundedEndpoint({ addresses, conditions, targetRef }: SliceEndpoint): SliceEndpoint {
  return {
    addresses: addresses.slice(0, mostAddresses),
    ...(conditions === undefined ? {} : { conditions }),
    ...(targetRef === undefined || JSON.stringify(targetRef).length > longestReference ? {} : { targetRef }),
  };
}
