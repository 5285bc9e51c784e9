import { shown } from './rows.ts';

type Members = Readonly<Record<string, unknown>>;

export type CardText = ReturnType<typeof cardText>;

/** Of a list in a card; what is beyond is counted. */
const mostListed = 50;
const mostTags = 12;
const longestProse = 1_000;

const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {};
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A card as people read it. Its author may be anybody: every text is plain and cut, every list has an end. */
export function cardText(card: Members) {
  const { organization, url } = membersOf(card.provider);
  const skills = listOf(card.skills).map(membersOf);
  const interfaces = interfacesOf(card);
  const capabilities = Object.entries(membersOf(card.capabilities)).flatMap(([name, is]) => (is === true ? name : []));
  return {
    name: shown(card.name, 200),
    version: shown(card.version, 60),
    description: shown(card.description, longestProse),
    facts: [
      ['Provider', shown(organization, 200)],
      ['Capabilities', shown(capabilities.slice(0, mostTags).join(', '))],
      ...interfaces.slice(0, mostListed),
      ['Provider’s page', shown(url, 400)],
      ['Documentation', shown(card.documentationUrl, 400)],
      ['Icon', shown(card.iconUrl, 400)],
    ] as const,
    skills: skills.slice(0, mostListed).map(({ id, name, description, tags }) => ({
      name: shown(name, 200) || shown(id, 200),
      description: shown(description, longestProse),
      tags: listOf(tags)
        .slice(0, mostTags)
        .map((tag) => shown(tag, 40)),
    })),
    more: Math.max(0, skills.length - mostListed) + Math.max(0, interfaces.length - mostListed),
  };
}

/** A2A 1.x lists them; 0.x has one and the additional ones. Its protocol, and its address. */
function interfacesOf(card: Members): (readonly [string, string])[] {
  const first = card.url === undefined ? [] : [{ url: card.url, transport: card.preferredTransport }];
  const listed = [...listOf(card.supportedInterfaces), ...first, ...listOf(card.additionalInterfaces)].map(membersOf);
  const read = listed.map((one) => [shown(one.protocolBinding ?? one.transport, 40), shown(one.url, 400)] as const);
  const unique = read.filter(([, url], index) => url !== '' && read.findIndex((other) => other[1] === url) === index);
  return unique.map(([binding, url]) => [binding === '' ? 'Answers at' : binding, url]);
}
