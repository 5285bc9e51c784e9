export { excerpt, parseSpiffeId, parseTrustDomain, type SpiffeId, type TrustDomain, trustDomainOf } from './id.ts';
export { type Fault, ok, type Result, refused } from './result.ts';
export { type BundleSet, parseBundle, type TrustBundle } from './x509/bundle.ts';
export { hasKnownKey } from './x509/key-kind.ts';
export { type LeafIdentity, leafIdentity } from './x509/leaf.ts';
export {
  maxChain,
  type PathInput,
  type PathRole,
  type SvidInput,
  type VerifiedPath,
  verifyPath,
  verifySvid,
} from './x509/path.ts';
export { presentedChain } from './x509/presented.ts';
export type { X509Context, X509Svid } from './x509/svid.ts';
