import { type Clock, eventLoopTurns, type Fault, raise } from '#kernel'
import type { ConditionSearch } from './conditions.ts'
import type { Draft } from './draft.ts'

/** Comparisons of conditions with new resources in one transaction: each costs about 4 us, so half a second in all. */
const COMPARISONS_MAX = 100_000

export interface TypedCondition {
  type: string
  /** In its canonical form. */
  query: string
}

/**
 * The new resources of one transaction that each condition matches, in the conditions' order; two at most, because more
 * than one is ambiguous already. A condition of one `identifier=system|value` is looked up in a table, any other is
 * compared with each new resource of its type. Fault `fhir.transaction.conditions-too-costly`.
 */
export async function matchDrafts(
  search: ConditionSearch,
  clock: Clock,
  conditions: readonly TypedCondition[],
  drafts: Iterable<Draft>,
): Promise<Draft[][]> {
  const turn = eventLoopTurns(clock)
  const byType = new Map<string, Draft[]>()
  for (const draft of drafts) {
    if (!draft.resource || draft.expected !== 0) continue
    const others = byType.get(draft.type)
    if (others) others.push(draft)
    else byType.set(draft.type, [draft])
  }
  const tables = new Map<string, Map<string, Draft[]>>()
  const found: Draft[][] = []
  let comparisons = 0
  for (const { type, query } of conditions) {
    const candidates = byType.get(type) ?? []
    const condition = search.inMemory(type, query)
    if (condition.identifier !== undefined) {
      let table = tables.get(type)
      if (!table) {
        table = await identifierTable(search, candidates, turn)
        tables.set(type, table)
      }
      found.push(table.get(condition.identifier) ?? [])
      continue
    }
    comparisons += candidates.length
    if (comparisons > COMPARISONS_MAX) raise(TOO_COSTLY)
    const matching: Draft[] = []
    for (const draft of candidates) {
      if (matching.length < 2 && draft.resource && condition.matches(draft.resource)) matching.push(draft)
      await turn()
    }
    found.push(matching)
  }
  return found
}

async function identifierTable(
  search: ConditionSearch,
  drafts: readonly Draft[],
  turn: () => Promise<void> | undefined,
): Promise<Map<string, Draft[]>> {
  const table = new Map<string, Draft[]>()
  for (const draft of drafts) {
    for (const identifier of draft.resource ? search.identifiersOf(draft.resource) : []) {
      const others = table.get(identifier)
      if (!others) table.set(identifier, [draft])
      else if (others.length < 2) others.push(draft)
    }
    await turn()
  }
  return table
}

const TOO_COSTLY: Fault = {
  category: 'too-costly',
  code: 'fhir.transaction.conditions-too-costly',
  message: `The conditional references of the transaction would have to be compared with its new resources more than ${COMPARISONS_MAX} times. Refer by identifier=system|value, or split it.`,
}
