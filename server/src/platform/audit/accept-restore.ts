import { raise } from '#kernel'
import { newestAnchor, writeAnchor } from './anchors.ts'
import { checkpointHash, encodeCheckpoint, isSignedBy, parseCheckpoint, signCheckpoint } from './checkpoint-body.ts'
import { treeAt } from './log-tree.ts'
import type { CheckpointOptions } from './notary.ts'
import { loadSigningKey } from './signing-key.ts'
import { type Head, insertCheckpoint, logHeads, newestCheckpoint, type StoredCheckpoint } from './store.ts'

/**
 * After a restore from backup: sign, as a checkpoint of its own, that the logs go on from what the backup held. Verification
 * then reports the lost checkpoints as a restore instead of as tampering. Call it once, before anything is written.
 * Undefined when nothing was lost. Faults: as `Checkpointer.checkpoint`.
 */
export async function acceptRestore(options: Omit<CheckpointOptions, 'log'>): Promise<StoredCheckpoint | undefined> {
  const anchored = await newestAnchor(options.anchorDirectory)
  const newest = await newestCheckpoint(options.database)
  if (!anchored || anchored.number <= (newest?.number ?? 0)) return undefined
  const key = loadSigningKey(options.keyDirectory, { create: false })
  const last = anchored.checkpoint
  const lastBody = last && parseCheckpoint(last.body)
  if (!lastBody || !isSignedBy(last.body, last.signature, key.publicKey))
    return raise({
      category: 'unavailable',
      code: 'audit.checkpoint.foreign',
      message: `The newest anchored checkpoint ${anchored.number} was not signed with this key. Restore the key of the same backup.`,
    })
  const heads: Head[] = []
  for (const { node, size } of await logHeads(options.database))
    heads.push({ node, size, root: (await treeAt(options.database, node, size)).root() })
  const at = options.clock.now()
  const text = encodeCheckpoint({
    origin: lastBody.origin,
    number: anchored.number + 1,
    at,
    previous: checkpointHash(last.body),
    restored: newest?.number ?? 0,
    heads,
  })
  const signature = signCheckpoint(text, key.privateKey)
  const checkpoint = { number: anchored.number + 1, at, body: text, signature }
  await insertCheckpoint(options.database, checkpoint)
  await writeAnchor(options.anchorDirectory, checkpoint)
  return checkpoint
}
