export { type BucketCover, coverInside, coverOverlapping, type DayRange, dateBuckets } from './birth-date.ts'
export { type Aad, sealedKeyVersion } from './envelope.ts'
export type { DataKey, PatientKey } from './keys.ts'
export {
  email,
  fold,
  PREFIX_CHARACTERS_MAX,
  type PrefixQuery,
  prefixes,
  prefixQuery,
  telephoneDigits,
  words,
} from './normalise.ts'
export { rootKeyOf } from './root-key/choose.ts'
export type { RootKey } from './root-key/root-key.ts'
export type { PatientRotation, RewrapProgress } from './rotation.ts'
export type { ReplayOutcome, ShredOutcome } from './shredding.ts'
export type { BranchKeyInfo, KeyJoin, WrappedKey } from './store.ts'
export { REMEMBERED_KINDS, type Tokenizer } from './tokenizer.ts'
export { openVault, type Vault, type VaultOptions } from './vault.ts'
