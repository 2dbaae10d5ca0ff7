import { raise } from '#kernel'

/** Which branch key is wrapped: bound into the wrapping, so that one cannot be put in another's place. */
export interface BranchPlace {
  tenant: number
  epoch: number
}

/** The key that wraps all branch keys. It never leaves its provider; only the file provider holds it in this process. */
export interface RootKey {
  readonly provider: 'file' | 'vault-transit' | 'aws-kms'
  /** Called once at start. `mayCreate` is true only while the database holds no branch key: then there is nothing to lose. */
  prepare(options: { mayCreate: boolean }): Promise<void>
  /** Faults: `vault.root-key-unavailable` (retry), `vault.root-key-forbidden`. */
  wrap(branchKey: Buffer, place: BranchPlace): Promise<Buffer>
  /** Faults as `wrap`, and `vault.wrong-root-key` when this is not the key it was wrapped under. */
  unwrap(wrapped: Buffer, place: BranchPlace): Promise<Buffer>
  /** Make a newer version that `wrap` uses from now on; `unwrap` still reads the older. */
  rotate(): Promise<void>
  /** The rotation is complete: every branch key is wrapped under the newest version. */
  finishRotation(): Promise<void>
}

/** Fault of an `unwrap` under another key. */
export function wrongRootKey(cause?: unknown): never {
  return raise(
    {
      category: 'invalid',
      code: 'vault.wrong-root-key',
      message:
        'The root key is not the one this database was sealed with. Restore the right key file, or correct SALUS_ROOT_KEY and the settings of its provider. Nothing was changed.',
    },
    cause,
  )
}
