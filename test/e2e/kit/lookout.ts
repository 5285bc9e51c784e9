import { keyOf, type Pod, resources } from '../../../src/kube/objects.ts';
import type { AgentCard } from '../../../src/operator/api/agentcard.ts';
import { verifiedLabel } from '../../../src/operator/api/labels.ts';
import { customResources } from '../../../src/operator/api/resources.ts';
import type { Agent } from './agent.ts';
import { Watches } from './watches.ts';
import type { World } from './world.ts';

/** Watches one namespace: no trust is lost for absence, and none given without evidence. */
export class Lookout {
  /** What was broken, in words. */
  readonly violations = new Set<string>();
  readonly #watches: Watches;
  readonly #honest: ReadonlySet<string>;

  private constructor(watches: Watches, honest: readonly Agent[]) {
    this.#watches = watches;
    this.#honest = new Set(honest.map(({ name }) => name));
  }

  /** Once the honest have proven themselves; every other agent of their namespace must stay without trust. */
  static async open(world: World, namespace: string, honest: readonly Agent[]): Promise<Lookout> {
    const lookout = new Lookout(await Watches.open(world, namespace), honest);
    await Promise.all([lookout.#watchPods(), lookout.#watchCards()]);
    return lookout;
  }

  close(): void {
    this.#watches.close();
  }

  #watchPods(): Promise<void> {
    const isHonest = ({ metadata }: Pod) => this.#honest.has(metadata.labels?.app ?? '');
    const handler = {
      add: (pod: Pod) => this.#mustBe(isHonest(pod), `a label without evidence: ${keyOf(pod)}`),
      remove: (pod: Pod) => this.#mustBe(!isHonest(pod), `a label was taken for absence: ${keyOf(pod)}`),
    };
    return this.#watches.on(resources.pods, handler, `${verifiedLabel}=true`);
  }

  #watchCards(): Promise<void> {
    const judge = (card: AgentCard) => {
      const verified = card.status?.conditions?.find(({ type }) => type === 'Verified');
      const trusted = this.#honest.has(card.metadata.name);
      const said = `${keyOf(card)} became ${verified?.status} ${verified?.reason}`;
      this.#mustBe((verified?.status === 'True') === trusted, said);
    };
    return this.#watches.on<AgentCard>(customResources.agentCards, { add: judge, update: (_, card) => judge(card) });
  }

  #mustBe(holds: boolean, otherwise: string): void {
    if (!holds) this.violations.add(otherwise);
  }
}
