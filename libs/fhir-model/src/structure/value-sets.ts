import tables from '../generated/structures.json' with { type: 'json' }

/** The codes of a required binding, by code system. */
export interface CodeList {
  /** Every code whatever its system: what a `code` element is checked against. */
  codes: ReadonlySet<string>
  bySystem: ReadonlyMap<string, ReadonlySet<string>>
}

const lists: (CodeList | undefined)[] = []

/** The value set at this place of the table; decoded on first use. */
export function codeList(place: number): CodeList {
  return (lists[place] ??= decode(tables.bindings[place] ?? ''))
}

function decode(text: string): CodeList {
  const bySystem = new Map<string, Set<string>>()
  for (const part of text.split('|')) {
    const [system = '', ...codes] = part.split(' ')
    bySystem.set(system, new Set(codes))
  }
  return { bySystem, codes: new Set([...bySystem.values()].flatMap((codes) => [...codes])) }
}
