import { type Clock, eventLoopTurns, type Fault, raise } from '#kernel'
import { type IndexTools, indexResource } from '../search/index-resource.ts'
import type { IndexRow } from '../search/index-row.ts'
import type { Draft } from './draft.ts'

/** Index rows and tokens of one unit of work: some 100 MB of memory, and some seconds for PostgreSQL. */
const INDEX_ENTRIES_MAX = 2_000_000
const TOKEN_BYTES = 8

/**
 * What each draft is found by, in order; undefined for a delete. Others get their turn in between.
 * Fault `fhir.store.values-to-index-too-many` beyond 2 million in all.
 */
export async function indexDrafts(
  clock: Clock,
  drafts: readonly Pick<Draft, 'resource'>[],
  toolsOf: (index: number) => IndexTools,
): Promise<(IndexRow | undefined)[]> {
  const turn = eventLoopTurns(clock)
  const indexed: (IndexRow | undefined)[] = []
  let entries = 0
  for (const [index, { resource }] of drafts.entries()) {
    const row = resource && indexResource(resource, toolsOf(index))
    indexed.push(row)
    entries += row ? entriesOf(row) : 0
    if (entries > INDEX_ENTRIES_MAX) raise(TOO_MANY)
    await turn()
  }
  return indexed
}

function entriesOf({ tokens, codes, references, dates, quantities }: IndexRow): number {
  return tokens.length / TOKEN_BYTES + codes.length + references.length + dates.length + quantities.length
}

const TOO_MANY: Fault = {
  category: 'too-large',
  code: 'fhir.store.values-to-index-too-many',
  message: `The resources of one request have at most ${INDEX_ENTRIES_MAX} values to search by. Split it.`,
}
