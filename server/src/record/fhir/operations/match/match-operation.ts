import { raise } from '#kernel'
import { requireScope } from '../../rest/require.ts'
import type { SearchDeps } from '../../search/index.ts'
import type { RecordStore } from '../../store/record-store.ts'
import { idOf } from '../../store/resolve-targets.ts'
import type { Caller, Resource } from '../../store/write-request.ts'
import { checkResource } from '../../validate/check-resource.ts'
import { disclosedBy } from '../document.ts'
import type { Operation, OperationAnswer, OperationCall } from '../operation.ts'
import { flagOf, resourceOf, valuesOf } from '../parameter-values.ts'
import type { OpenedRow } from '../referred-rows.ts'
import { findCandidates } from './find-candidates.ts'
import { MATCH_FAULTS } from './match-faults.ts'
import { type Person, personOf } from './person.ts'
import { type MatchScore, scoreMatch } from './score-match.ts'

export interface MatchParts {
  store: RecordStore
  search: SearchDeps
  fhirBase: string
}

/** A patient who may be the person, and how sure that is. */
export interface Match extends OpenedRow {
  match: MatchScore
}

const COUNT_DEFAULT = 20
const COUNT_MAX = 100

/**
 * Who a person may be: http://hl7.org/fhir/R4/patient-operation-match.html. Candidates are found by keyed tokens and scored by
 * agreement of identifiers, names, birth date, gender, contacts and address; the best come first, each with its score and grade. Those
 * graded `certainly-not` are left out. With `onlyCertainMatches` the one certain match is answered, and nothing where there are several.
 *
 * Faults: `fhir.match.*`, `fhir.validate.invalid`, `fhir.forbidden`.
 */
export function matchOperation(parts: MatchParts): Operation {
  return {
    name: 'match',
    definition: 'http://hl7.org/fhir/OperationDefinition/Patient-match',
    levels: ['type'],
    types: ['Patient'],
    affectsState: false,
    asks: true,
    permission: 's',
    parameters: {
      resource: { kind: 'resource' },
      onlyCertainMatches: { kind: 'boolean' },
      count: { kind: 'integer' },
    },
    bareResource: 'resource',
    run: (call) => run(parts, call),
  }
}

async function run(parts: MatchParts, { caller, parameters }: OperationCall): Promise<OperationAnswer> {
  requireScope(caller, 'Patient', 'r')
  const resource = resourceOf(parameters, 'resource')
  if (resource?.resourceType !== 'Patient') return raise(MATCH_FAULTS.resourceMissing)
  checkResource(resource)
  const [count = COUNT_DEFAULT] = valuesOf(parameters, 'count') as number[]
  if (count < 1 || count > COUNT_MAX) raise(MATCH_FAULTS.count)
  const found = await matchesOf(parts, caller, personOf(resource))
  const certain = found.filter(({ match }) => match.grade === 'certain')
  const isOnlyCertain = flagOf(parameters, 'onlyCertainMatches') === true
  const shown = isOnlyCertain ? (certain.length === 1 ? certain : []) : found.slice(0, count)
  return { status: 200, body: matchBundle(parts, shown), ...disclosedBy(shown) }
}

/** The likeliest first; of equal ones the one that is longer in the record. */
export async function matchesOf(parts: MatchParts, caller: Caller, person: Person): Promise<Match[]> {
  const candidates = await findCandidates(parts, caller, person)
  const scored: Match[] = []
  for (const { row, body, patient } of candidates) {
    const match = scoreMatch(person, personOf(patient))
    if (match.grade !== 'certainly-not') scored.push({ row, body, match })
    await new Promise<void>((next) => setImmediate(next))
  }
  return scored.toSorted((a, b) => b.match.score - a.match.score || a.row.rid - b.row.rid)
}

/** http://hl7.org/fhir/R4/extension-match-grade.html */
const GRADE = 'http://hl7.org/fhir/StructureDefinition/match-grade'

function matchBundle({ fhirBase }: MatchParts, matches: readonly Match[]): Buffer {
  const head = { resourceType: 'Bundle', type: 'searchset', total: matches.length }
  const link = [{ relation: 'self', url: `${fhirBase}/Patient/$match` }]
  if (matches.length === 0) return Buffer.from(JSON.stringify({ ...head, link }))
  const pieces: Buffer[] = [Buffer.from(`${JSON.stringify({ ...head, link }).slice(0, -1)},"entry":[`)]
  for (const [index, { body, match }] of matches.entries()) {
    const search = {
      extension: [{ url: GRADE, valueCode: match.grade }],
      mode: 'match',
      score: Math.round(match.score * 10_000) / 10_000,
    }
    const start = `${index > 0 ? ',' : ''}{"fullUrl":"${fhirBase}/Patient/${idOf(body)}","resource":`
    pieces.push(Buffer.from(start), body, Buffer.from(`,"search":${JSON.stringify(search)}}`))
  }
  pieces.push(Buffer.from(']}'))
  return Buffer.concat(pieces)
}

/** What a stored patient is compared by. */
export function storedPerson(body: Buffer): Person {
  return personOf(JSON.parse(body.toString()) as Resource)
}
