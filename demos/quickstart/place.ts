import { type Cluster, useOrStartCluster } from '../../test/cluster/cluster.ts';
import { CommandError, run } from '../../test/cluster/command.ts';
import { down, launch } from '../../test/cluster/launch.ts';
import { terminalProgress } from '../../test/cluster/progress.ts';
import { places, readState } from '../../test/cluster/state.ts';
import { buildImages, dockerBuilds, makeContexts } from '../agents/images.ts';
import { part, print } from './screen.ts';

/** Where the demonstration takes place. */
export interface Place {
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** Undefined where the operator is there already. */
  readonly helm: ((args: readonly string[]) => Promise<string>) | undefined;
  /** In which kubectl, and whatever reads a kubeconfig, finds the cluster. */
  readonly env: NodeJS.ProcessEnv;
  /** From the image names of the manifests to those of this place. */
  image(name: string): string;
  readonly trustDomain: string;
  /** Shell lines by which a person gets at it. */
  readonly access: readonly string[];
}

const progress = terminalProgress();

/** A node on this machine, which stays up until `make demo-node-down`. */
export async function ownNode(): Promise<Place> {
  const cluster = await part('A Kubernetes node with SPIRE on this machine', startNode);
  await part('The images', async () => {
    const names = await buildImages(progress);
    await progress.step(`${names.length} images into the node`, async () => {
      for (const name of names) await cluster.loadImage(name);
    });
  });
  return {
    kubectl: cluster.kubectl,
    helm: cluster.helm,
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    image: (name) => name,
    trustDomain: 'example.org',
    access: [`export KUBECONFIG=${cluster.kubeconfig}`, `alias kubectl=${places().kubectl}`],
  };
}

async function startNode(): Promise<Cluster> {
  const at = places();
  if ((await readState(at)) === undefined) await (await launch(at, progress)).keep();
  else print('It is already up.');
  return useOrStartCluster(progress);
}

export async function stopNode(): Promise<void> {
  print((await down(places())) ? 'The node is stopped; nothing of it is left.' : 'No node was running.');
}

/** The cluster of the kubeconfig, only when its name is confirmed and it can pull the images. */
export async function currentCluster({ CONFIRM, IMAGES, TRUST_DOMAIN }: NodeJS.ProcessEnv): Promise<Place> {
  await confirmed(CONFIRM);
  if (!IMAGES) throw new CommandError(await howImagesGetThere());
  const trustDomain = TRUST_DOMAIN || 'example.org';
  return {
    kubectl: (args, stdin) => run('kubectl', args, stdin === undefined ? {} : { stdin }),
    helm: (args) => run('helm', args),
    env: process.env,
    image: (name) => name.replace(/^localhost/, IMAGES),
    trustDomain,
    access: [],
  };
}

export async function confirmed(confirm: string | undefined): Promise<void> {
  const context = (await run('kubectl', ['config', 'current-context'])).trim();
  if (confirm === context) return;
  throw new CommandError(
    `CLUSTER=current installs the operator in namespace agentcard-system of "${context}", with NetworkPolicies enforced, and three agents in namespace agentcard-demo. If that is what you want: CLUSTER=current CONFIRM=${context}`,
  );
}

async function howImagesGetThere(): Promise<string> {
  await makeContexts(progress);
  const lines = Object.entries(await dockerBuilds()).flatMap(([name, what]) => {
    const target = name.replace(/^localhost/, '$IMAGES');
    return [`  docker build -t ${target} ${what}`, `  docker push ${target}`];
  });
  return `Your cluster pulls the images from a registry of yours; build and push them first:\n
  export IMAGES=<registry>/<path>\n${lines.join('\n')}\n
then run this again with IMAGES set. SPIRE must be there: its agent's socket in /run/spire/agent-sockets of the nodes,
its trust domain in TRUST_DOMAIN (now example.org), and ClusterSPIFFEIDs of the form ns/<namespace>/sa/<account>.`;
}
