import type { Inquiry } from './inquiry.ts'
import type { PreparedValueSet } from './prepare.ts'

/** Code systems of a value set that have the code: one, and the code says which is meant. */
export async function inferSystem(inquiry: Inquiry, valueSet: PreparedValueSet, code: string): Promise<string[]> {
  const found = new Set<string>()
  await look(inquiry, valueSet, code, { found, seen: new Set() })
  return [...found]
}

async function look(
  inquiry: Inquiry,
  valueSet: PreparedValueSet,
  code: string,
  { found, seen }: { found: Set<string>; seen: Set<PreparedValueSet> },
): Promise<void> {
  // One that is drawn in many times is looked into once.
  if (seen.has(valueSet)) return
  seen.add(valueSet)
  for (const set of valueSet.includes ?? []) {
    inquiry.spend(1)
    if (set.system === undefined) {
      for (const inner of set.valueSets) await look(inquiry, inner, code, { found, seen })
      continue
    }
    const provider = await inquiry.system(set.system, set.version)
    if (!provider) continue
    if (set.concepts.length > 0) {
      if (set.concepts.some((one) => one.code === code)) found.add(set.system)
      continue
    }
    const selection = await provider.select(set.filters, (visits) => inquiry.spend(visits))
    if (await selection?.find(code)) found.add(set.system)
  }
}
