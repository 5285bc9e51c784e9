import type { Member } from './population.ts';

const prose = 'Answers one kind of question about the world, with sources and a confidence. ';

/** An agent's card of about that many bytes. */
export function cardOf(
  { name, namespace }: Pick<Member, 'name' | 'namespace'>,
  version: number,
  bytes: number,
): object {
  const skills = Array.from({ length: Math.max(1, Math.round((bytes - 400) / 300)) }, (_, index) => ({
    id: `skill-${index}`,
    name: `Skill ${index} of ${name}`,
    description: prose.repeat(2),
    tags: ['search', 'sources'],
  }));
  return {
    name,
    description: `Agent ${name} of ${namespace}`,
    version: `1.0.${version}`,
    supportedInterfaces: [
      { url: `https://${name}.${namespace}.svc`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    ],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills,
  };
}
