/** The signing certificates of the certificate cases. */

import { hour, intermediate, keyUsage, type Minted, mint, root } from './mint.ts';

export interface Authorities {
  readonly a: Minted;
  readonly a2: Minted;
  readonly b: Minted;
  readonly rsa: Minted;
  readonly expired: Minted;
  readonly noConstraints: Minted;
  readonly intermediate: Minted;
}

export function mintAuthorities(now: number): Authorities {
  const a = root('a.test');
  return {
    a,
    a2: root('a.test'),
    b: root('b.test'),
    rsa: root('a.test', { key: 'rsa2048' }),
    expired: root('a.test', { from: now - 48 * hour, to: now - hour }),
    noConstraints: mint({ extensions: [keyUsage(['keyCertSign'])] }),
    intermediate: intermediate(a, 'a.test'),
  };
}
