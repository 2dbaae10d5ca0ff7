import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Issue } from '@salus/fhir-validator'
import { type Case, failed, type LibrarySuite, passed } from './suite.ts'
import {
  folderOf,
  OUT_OF_SCOPE,
  plainExpression,
  readCases,
  readJson,
  supporting,
  type ValidatorCase,
} from './validator-cases.ts'
import { validatorOver } from './validator-terminology.ts'

/** Verdicts that must agree with the reference validator, of the cases in scope with a known outcome. */
const AGREEMENT_MIN = 0.92
/** A single case may take this long, compiling its profiles included; the slowest takes about half a second. */
const CASE_MS_MAX = 10_000
/** Invariants that ask for today get the day the reference outcomes were made. */
const NOW = Date.parse('2026-06-25T12:00:00Z')

/** Places where a finding is expected, and how many of them are found. */
interface Places {
  wanted: number
  found: number
  further: number
}

/** Verdict and places against the outcomes of the reference validator, and the specification's own examples. */
export const validator: LibrarySuite = {
  name: 'validator',
  proves:
    'Cases of fhir-test-cases: an error where the reference Java validator finds one, none where it finds none (its base outcome). Examples of FHIR R4 and US Core: no error. Codes are checked against the code systems that come with Salus; SNOMED CT, LOINC and the like are not among them.',
  folders: ['fhir-test-cases', 'hl7-r4-examples', 'us-core-examples'],
  async *runLibrary(corpora) {
    const places: Places = { wanted: 0, found: 0, further: 0 }
    let agreed = 0
    let judged = 0
    for (const one of readCases(corpora)) {
      const outcome = await runCase(corpora, one, places)
      if (outcome.outcome !== 'skipped' && one.errors !== null) {
        judged++
        if (outcome.outcome === 'passed') agreed++
      }
      yield outcome
    }
    yield agreement(agreed, judged, places)
    const examples = validatorOver([])
    for (const folder of ['hl7-r4-examples', 'us-core-examples'])
      for (const file of readdirSync(join(corpora, folder))
        .filter((name) => name.endsWith('.json'))
        .sort())
        yield await runExample(examples, `${folder}/${file}`, readJson(join(corpora, folder, file)))
  },
}

async function runCase(corpora: string, one: ValidatorCase, places: Places): Promise<Case> {
  const name = `${one.module}/${one.name}`
  const reason = OUT_OF_SCOPE[one.module]
  if (reason !== undefined) return { name, outcome: 'skipped', reason }
  const began = performance.now()
  const errors = await errorsOf(corpora, one)
  const ms = performance.now() - began
  if (ms > CASE_MS_MAX) return failed(name, `it took ${Math.round(ms)} ms`)
  if (one.errors === null) return passed(name, 'no outcome of the reference is known: it ends without a crash')
  if (one.issues !== null) countPlaces(one.issues, errors, places)
  if (errors.length > 0 === one.errors > 0) return passed(name)
  return failed(name, `${one.errors} errors expected, ${errors.length} found: ${shown(errors, one)}`)
}

function errorsOf(corpora: string, one: ValidatorCase): Promise<Issue[]> {
  const own = supporting(corpora, one)
  const { settings } = one
  const guides = own.filter(({ resourceType }) => resourceType === 'ImplementationGuide')
  const global = guides.flatMap((guide) => (guide.global ?? []) as { type: string; profile: string }[])
  return validatorOver(own)(readJson(join(folderOf(corpora), one.file)), {
    now: NOW,
    bestPractice: 'ignore',
    unknownExtensions: 'error',
    allowedExtensions: ['http://example.org', settings?.['allowed-extension-domain'] ?? []].flat(),
    exampleUrls: settings?.examples !== false,
    securityChecks: settings?.['security-checks'] === true,
    references: settings?.validateReference === undefined ? 'ignore' : 'check',
    typeProfiles: new Map(global.map(({ type, profile }) => [type, [profile]])),
  })
}

function shown(errors: readonly Issue[], { issues }: ValidatorCase): string {
  const [ours] = errors
  if (ours !== undefined) return `${ours.expression}: ${ours.text}`
  const theirs = issues?.find(({ severity }) => severity === 'error' || severity === 'fatal')
  return theirs === undefined ? 'none known' : `${String(theirs.expression)}: ${theirs.text}`
}

function countPlaces(issues: NonNullable<ValidatorCase['issues']>, errors: readonly Issue[], places: Places): void {
  const theirs = issues.filter(({ severity }) => severity === 'error' || severity === 'fatal')
  const wanted = new Set(theirs.flatMap(({ expression }) => [expression].flat().map(plainExpression)))
  const found = new Set(errors.map(({ expression }) => expression))
  places.wanted += wanted.size
  places.found += [...wanted].filter((place) => found.has(place)).length
  places.further += [...found].filter((place) => !wanted.has(place)).length
}

function agreement(agreed: number, judged: number, { wanted, found, further }: Places): Case {
  const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`
  const note = `verdicts ${agreed} of ${judged} (${percent(agreed, judged)}); places ${found} of ${wanted} (${percent(found, wanted)}), ${further} further`
  return agreed >= judged * AGREEMENT_MIN ? passed('agreement', note) : failed('agreement', note)
}

async function runExample(errorsIn: ReturnType<typeof validatorOver>, name: string, resource: unknown): Promise<Case> {
  if ((resource as { resourceType?: string }).resourceType === undefined)
    return { name, outcome: 'skipped', reason: 'it is no resource' }
  const [error] = await errorsIn(resource, { now: NOW, bestPractice: 'ignore' })
  return error === undefined ? passed(name) : failed(name, `${error.expression}: ${error.text}`)
}
