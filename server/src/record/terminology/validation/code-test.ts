import type { DefinitionSource } from '#definitions'
import type { Filter } from '../engine/concept.ts'
import { type Json, object, objects, text, texts } from '../engine/resources.ts'
import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { specialNow } from '../special/special-shelf.ts'
import type { GrammarProvider } from '../special/special-system.ts'
import { type MemoryProvider, memoryProvider } from '../systems/memory-provider.ts'

/** Whether a code is in a value set; undefined when that is not known at once. */
export type CodeTest = (system: string, code: string) => boolean | undefined

export interface CompiledSet {
  test: CodeTest
  /** Systems it draws from: a bare code is of one of them. */
  systems: readonly string[]
}

/** A code system that answers without waiting. */
export type ReadyProvider = MemoryProvider | GrammarProvider

/** The system of that canonical, if it lies in memory. */
export function readyProvider(definitions: DefinitionSource, url: string, version?: string): ReadyProvider | undefined {
  const special = specialNow(url)
  if (special) return special
  const resource = definitions.find('CodeSystem', version === undefined ? url : `${url}|${version}`)
  const content = text(resource, 'content') ?? 'complete'
  return resource && (content === 'complete' || content === 'fragment') ? memoryProvider(resource) : undefined
}

/** Turn a value set of the definitions into a test in memory; undefined when there is none of that canonical. */
export function compileValueSet(definitions: DefinitionSource, canonical: string): CompiledSet | undefined {
  const resource = definitions.find('ValueSet', canonical)
  return resource && compile(definitions, resource, [canonical])
}

function compile(definitions: DefinitionSource, resource: Json, chain: readonly string[]): CompiledSet | undefined {
  const compose = object(resource, 'compose')
  if (!compose || chain.length > TERMINOLOGY_LIMITS.includeDepthMax) return undefined
  const inactive = compose.inactive !== false
  const includes = objects(compose, 'include').map((raw) => conceptSet(definitions, raw, { chain, inactive }))
  const excludes = objects(compose, 'exclude').map((raw) => conceptSet(definitions, raw, { chain, inactive: true }))
  return {
    systems: [...new Set(includes.flatMap(({ systems }) => systems))],
    test: (system, code) => {
      const isIn = any(includes, system, code)
      if (isIn !== true) return isIn
      const isOut = any(excludes, system, code)
      return isOut === undefined ? undefined : !isOut
    },
  }
}

function any(sets: readonly CompiledSet[], system: string, code: string): boolean | undefined {
  let result: boolean | undefined = false
  for (const { test } of sets) {
    const isIn = test(system, code)
    if (isIn === true) return true
    if (isIn === undefined) result = undefined
  }
  return result
}

function conceptSet(
  definitions: DefinitionSource,
  raw: Json,
  { chain, inactive }: { chain: readonly string[]; inactive: boolean },
): CompiledSet {
  const system = text(raw, 'system')
  const others = texts(raw, 'valueSet').map((canonical) => imported(definitions, canonical, chain))
  const own = system === undefined ? undefined : ownTest(definitions, system, raw, inactive)
  const tests = [...(own ? [own] : []), ...others.map(({ test }) => test)]
  return {
    systems: system === undefined ? others.flatMap(({ systems }) => systems) : [system],
    test: (asked, code) => {
      if (tests.length === 0 || (system !== undefined && asked !== system)) return false
      let result: boolean | undefined = true
      for (const test of tests) {
        const isIn = test(asked, code)
        if (isIn === false) return false
        if (isIn === undefined) result = undefined
      }
      return result
    },
  }
}

function imported(definitions: DefinitionSource, canonical: string, chain: readonly string[]): CompiledSet {
  const resource = chain.includes(canonical) ? undefined : definitions.find('ValueSet', canonical)
  const compiled = resource && compile(definitions, resource, [...chain, canonical])
  // Unknown here is not yet unknown: the tenant may have it.
  return compiled ?? { systems: [], test: () => undefined }
}

/** What an include says of its own system. A list is a list, whether or not the system is here. */
function ownTest(definitions: DefinitionSource, system: string, raw: Json, inactive: boolean): CodeTest {
  const listed = objects(raw, 'concept')
  if (listed.length > 0) {
    const codes = new Set(listed.map(({ code }) => code))
    return (_, code) => codes.has(code)
  }
  const provider = readyProvider(definitions, system, text(raw, 'version')) ?? readyProvider(definitions, system)
  if (!provider) return () => undefined
  const filters = objects(raw, 'filter').map(
    (filter): Filter => ({
      property: text(filter, 'property') ?? '',
      op: text(filter, 'op') ?? '',
      value: text(filter, 'value') ?? '',
    }),
  )
  if (!('testNow' in provider))
    return filters.length === 0 ? (_, code) => provider.findNow(code) !== undefined : () => undefined
  const test = provider.testNow(filters)
  if (!test) return () => undefined
  const isFragment = provider.head.content === 'fragment'
  const chosen = new Set<string>()
  for (const concept of provider.index.concepts)
    if (test(concept) && (inactive || !concept.isInactive)) chosen.add(concept.code)
  return (_, code) => {
    const found = provider.findNow(code)
    // A fragment may have left the code out.
    if (!found) return isFragment ? undefined : false
    return chosen.has(found.code)
  }
}
