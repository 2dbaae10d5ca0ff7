import type { Hierarchy } from './hierarchy.ts'
import type { ConceptColumns, ConceptRow, StagedFact } from './store.ts'

/** All that a release says of one concept. */
export interface ConceptFacts {
  id: number
  code: string
  display: string | undefined
  facts: readonly StagedFact[]
}

interface Around {
  hierarchy: Hierarchy
  isCaseSensitive: boolean
  /** Code and display of a number. */
  named(id: number): [string, string | null]
}

/** Children of one concept that a look-up names; a root of SNOMED CT has some twenty, a list without levels all. */
const CHILDREN_MAX = 1_000

/** Rows of concepts, as columns. */
export function columnsOf(
  concepts: readonly ConceptFacts[],
  { hierarchy, isCaseSensitive, named }: Around,
): ConceptColumns {
  const made = concepts.map(({ facts }) => gathered(facts))
  return {
    ids: concepts.map(({ id }) => id),
    flags: made.map(({ flags }) => flags),
    children: concepts.map(({ id }) => hierarchy.children(id).length),
    codes: concepts.map(({ code }) => code),
    folded: concepts.map(({ code }) => (isCaseSensitive ? null : code.toLowerCase())),
    displays: concepts.map(({ display }) => display ?? null),
    definitions: made.map(({ definition }) => definition),
    names: made.map(({ names }) => JSON.stringify(names)),
    properties: made.map(({ properties }) => JSON.stringify(properties)),
    up: concepts.map(({ id }) => JSON.stringify(hierarchy.parents(id).map(named))),
    down: concepts.map(({ id }) => JSON.stringify(hierarchy.children(id).slice(0, CHILDREN_MAX).map(named))),
    parents: concepts.map(({ id }) => `{${hierarchy.parents(id).join(',')}}`),
    ancestors: concepts.map(({ id }) => `{${hierarchy.ancestors(id).join(',')}}`),
  }
}

interface Gathered {
  flags: number
  definition: string | null
  names: ConceptRow['names']
  properties: ConceptRow['properties']
}

/** Kinds as `store-release.ts` stages them. */
function gathered(facts: readonly StagedFact[]): Gathered {
  const found: Gathered = { flags: 0, definition: null, names: [], properties: {} }
  for (const { kind, a, b, c } of facts) {
    if (kind === 1) {
      found.flags |= Number(a)
      found.definition ??= b
    } else if (kind === 2) found.names.push([a ?? '', b, c?.[0] ?? null, c?.[1] ?? null, c?.[2] ?? null])
    else if (kind === 3 && a !== null && b !== null) {
      const values = Object.hasOwn(found.properties, a) ? (found.properties[a] as string[]) : []
      values.push(b)
      found.properties[a] = values
    }
  }
  return found
}
