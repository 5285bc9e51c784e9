export { excerpt, parseSpiffeId, parseTrustDomain, type SpiffeId, type TrustDomain, trustDomainOf } from './id.ts';
export { type Fault, ok, type Result, refused } from './result.ts';
export { type BundleSet, parseBundle, type SkippedAuthority, type TrustBundle } from './x509/bundle.ts';
export { type LeafIdentity, leafIdentity } from './x509/leaf.ts';
export {
  leafFault,
  maxChain,
  type PathRole,
  type PeerInput,
  type SvidInput,
  type VerifiedPath,
  verifyPeer,
  verifySvid,
} from './x509/path.ts';
export { presentedChain } from './x509/presented.ts';
export { refusedChain } from './x509/refusal.ts';
export type { X509Context, X509Svid } from './x509/svid.ts';
