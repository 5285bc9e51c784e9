import { KubeClient } from '../../../src/kube/client/client.ts';
import { kubeconfigConfig } from '../../../src/kube/client/kubeconfig.ts';
import type { KubeObject, Resource } from '../../../src/kube/objects.ts';
import { type Handler, Informer } from '../../../src/kube/watch/informer.ts';
import type { World } from './world.ts';

/** A test's own watches of one namespace, which see every change that the API server tells. */
export class Watches {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #stop = new AbortController();

  private constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  static async open(world: World, namespace: string): Promise<Watches> {
    return new Watches(new KubeClient(await kubeconfigConfig(world.cluster.kubeconfig)), namespace);
  }

  /** Once the handler has been told what is there already. */
  async on<T extends KubeObject>(resource: Resource, handler: Handler<T>, labelSelector = ''): Promise<void> {
    const scope = { client: this.#client, namespaces: [this.#namespace] };
    const informer = new Informer<T>({ ...scope, resource, ...(labelSelector === '' ? {} : { labelSelector }) });
    informer.onEvent(handler);
    void informer.start(this.#stop.signal);
    await informer.synced;
  }

  close(): void {
    this.#stop.abort();
    this.#client.close();
  }
}
