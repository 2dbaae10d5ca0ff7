import type { CheckedCoding, CodeCheck, CodeVerdict, CodingVerdict } from '@salus/fhir-validator'
import type { Definitions } from '#definitions'
import { Displays } from '../engine/displays.ts'
import { TERMINOLOGY_LIMITS } from '../limits.ts'
import { type CompiledSet, compileValueSet, readyProvider } from './code-test.ts'

/**
 * Answers the validator from memory: value sets of the definitions compiled to tests, each once. Undefined where the tenant's own
 * terminology or a loaded code system may know more; `isElsewhere` names the systems that lie in the database.
 */
export function checkNow(
  definitions: Definitions,
  isElsewhere: (system: string) => boolean,
): (check: CodeCheck) => CodeVerdict | undefined {
  const compiled = new Map<string, CompiledSet | null>()
  let revision = definitions.revision
  const compiledOf = (canonical: string): CompiledSet | null => {
    if (revision !== definitions.revision) {
      compiled.clear()
      revision = definitions.revision
    }
    const known = compiled.get(canonical)
    if (known !== undefined) return known
    if (compiled.size >= TERMINOLOGY_LIMITS.compiledSetsMax) compiled.delete(compiled.keys().next().value as string)
    const made = compileValueSet(definitions, canonical) ?? null
    compiled.set(canonical, made)
    return made
  }
  return ({ valueSet, codings, systemImplied }) => {
    const set = compiledOf(valueSet)
    if (!set) return undefined
    let inValueSet = false
    const verdicts: CodingVerdict[] = []
    for (const coding of codings) {
      const { code } = coding
      const system = systemImplied ? impliedSystem(set, code ?? '') : coding.system
      // A bare code that is in none of the systems is in none of the value set.
      if (system === null) return undefined
      if (system === undefined || code === undefined) {
        verdicts.push({})
        continue
      }
      const isIn = set.test(system, code)
      const verdict =
        isIn === undefined || isElsewhere(system) ? undefined : codingVerdict(definitions, { ...coding, system })
      if (isIn === undefined || verdict === undefined) return undefined
      inValueSet ||= isIn
      verdicts.push(verdict)
    }
    return verdicts.some(({ problem }) => problem !== undefined) ? { inValueSet, codings: verdicts } : { inValueSet }
  }
}

/** The system of a bare code; undefined when no system has it, null when that cannot be said. */
function impliedSystem({ systems, test }: CompiledSet, code: string): string | null | undefined {
  let unsure = false
  for (const system of systems) {
    const isIn = test(system, code)
    if (isIn === true) return system
    if (isIn === undefined) unsure = true
  }
  return unsure ? null : undefined
}

/** What is to be said of a coding itself; undefined when its system is not in memory and may be elsewhere. */
function codingVerdict(
  definitions: Definitions,
  { system, version, code, display }: CheckedCoding & { system: string },
): CodingVerdict | undefined {
  const provider = readyProvider(definitions, system, version) ?? readyProvider(definitions, system)
  if (!provider) return undefined
  const concept = provider.findNow(code ?? '')
  if (!concept) return provider.head.content === 'complete' ? { problem: 'unknown-code' } : {}
  if (display === undefined) return {}
  const displays = new Displays()
  displays.add(concept.designations)
  if (displays.all.length === 0 || displays.has(display, { languages: undefined }) !== false) return {}
  const right = displays.preferred(undefined)?.value
  return right === undefined ? {} : { problem: 'wrong-display', display: right }
}
