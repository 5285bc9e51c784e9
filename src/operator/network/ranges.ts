import { BlockList, isIP } from 'node:net';

/** Whether an address range (CIDR) holds an address, or the whole of another range. */
export function holdsRange(range: string, other: string): boolean {
  const [address = '', length] = other.split('/', 2);
  const [network = '', prefix] = range.split('/', 2);
  const family = isIP(network);
  if (family === 0 || isIP(address) !== family || !isPrefix(prefix, family)) return false;
  if (length !== undefined && (!isPrefix(length, family) || Number(length) < Number(prefix))) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), kind);
  return list.check(address, kind);
}

function isPrefix(text: string | undefined, family: number): boolean {
  return text !== undefined && /^[0-9]{1,3}$/.test(text) && Number(text) <= (family === 4 ? 32 : 128);
}
