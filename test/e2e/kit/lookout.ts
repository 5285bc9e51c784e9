import type { AgentCard } from '../../../src/api/agentcard.ts';
import { verifiedLabel } from '../../../src/api/labels.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { kubeconfigConfig } from '../../../src/kube/config.ts';
import { Informer } from '../../../src/kube/informer.ts';
import { type KubeObject, keyOf, type Pod, resources } from '../../../src/kube/objects.ts';
import type { Agent } from './agent.ts';

/** Watches one namespace at the API server: no trust is lost for absence, and none given without evidence. */
export class Lookout {
  /** What was broken, in words. */
  readonly violations = new Set<string>();
  readonly #stop = new AbortController();
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #honest: ReadonlySet<string>;

  private constructor(client: KubeClient, namespace: string, honest: ReadonlySet<string>) {
    this.#client = client;
    this.#namespace = namespace;
    this.#honest = honest;
  }

  /** Once the honest have proven themselves; every other agent of their namespace must stay without trust. */
  static async open(kubeconfig: string, namespace: string, honest: readonly Agent[]): Promise<Lookout> {
    const client = new KubeClient(await kubeconfigConfig(kubeconfig));
    const lookout = new Lookout(client, namespace, new Set(honest.map(({ name }) => name)));
    await Promise.all([lookout.#watchPods(), lookout.#watchCards()]);
    return lookout;
  }

  close(): void {
    this.#stop.abort();
    this.#client.close();
  }

  async #watchPods(): Promise<void> {
    const pods = new Informer<Pod>({
      ...{ client: this.#client, namespaces: [this.#namespace] },
      ...{ resource: resources.pods, labelSelector: `${verifiedLabel}=true` },
    });
    const isHonest = ({ metadata }: Pod) => this.#honest.has(metadata.labels?.app ?? '');
    pods.onEvent({
      add: (pod) => this.#mustBe(isHonest(pod), `a label without evidence: ${keyOf(pod)}`),
      remove: (pod) => this.#mustBe(!isHonest(pod), `a label was taken for absence: ${keyOf(pod)}`),
    });
    await this.#watch(pods);
  }

  async #watchCards(): Promise<void> {
    const scope = { client: this.#client, namespaces: [this.#namespace] };
    const cards = new Informer<AgentCard>({ ...scope, resource: resources.agentCards });
    const judge = (card: AgentCard) => {
      const verified = card.status?.conditions?.find(({ type }) => type === 'Verified');
      const said = `${verified?.status} ${verified?.reason}`;
      const trusted = this.#honest.has(card.metadata.name);
      this.#mustBe((verified?.status === 'True') === trusted, `${keyOf(card)} became ${said}`);
    };
    cards.onEvent({ add: judge, update: (_, card) => judge(card) });
    await this.#watch(cards);
  }

  #watch<T extends KubeObject>(informer: Informer<T>): Promise<void> {
    void informer.start(this.#stop.signal);
    return informer.synced;
  }

  #mustBe(holds: boolean, otherwise: string): void {
    if (!holds) this.violations.add(otherwise);
  }
}
