import { faultsIn } from './fault-codes.ts'
import { isTest, type Repository } from './repository.ts'
import type { Problem, Rule } from './rule.ts'
import { checkList, readList, type ShrinkingList } from './shrinking-list.ts'

/** Every fault code the product raises is named by a test, or stands in a list that may only shrink. */
export const testedFaults: Rule = {
  name: 'tested-faults',
  check: (repository) =>
    checkList(faultCodeList(repository.root), untestedFaults(repository), 'is raised here and no test names it'),
}

/** The committed list of fault codes without a test. */
export function faultCodeList(root: string): ShrinkingList {
  return readList(root, 'fault-codes-without-a-test', 'Fault codes without a test. This list may only shrink.')
}

/** Codes raised in the source that no test mentions, each with the place of its first use. */
export function untestedFaults(repository: Repository): Map<string, Omit<Problem, 'message'>> {
  const tested = new Set<string>()
  for (const source of repository.sources.filter(({ path }) => isTest(path)))
    for (const { value } of source.literals)
      for (const word of value.matchAll(/[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+/g)) tested.add(word[0])
  // In a pattern the dots are escaped.
  for (const source of repository.sources.filter(({ path }) => isTest(path)))
    for (const word of source.text.matchAll(/[a-z][a-z0-9-]*(?:\\\.[a-z0-9-]+)+/g))
      tested.add(word[0].replaceAll('\\.', '.'))
  const missing = new Map<string, Omit<Problem, 'message'>>()
  for (const { code, path, line } of faultsIn(repository))
    if (!tested.has(code) && !missing.has(code)) missing.set(code, { path, line })
  return missing
}
