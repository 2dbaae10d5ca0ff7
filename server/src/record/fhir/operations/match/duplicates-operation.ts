import { FaultError, raise } from '#kernel'
import { requireScope } from '../../rest/require.ts'
import { parseSearch, runSearch } from '../../search/index.ts'
import { idOf } from '../../store/resolve-targets.ts'
import type { Caller } from '../../store/write-request.ts'
import { disclosedBy } from '../document.ts'
import type { Operation, OperationAnswer, OperationCall } from '../operation.ts'
import { textOf } from '../parameter-values.ts'
import { type OpenedRow, openedRows } from '../referred-rows.ts'
import { MATCH_FAULTS } from './match-faults.ts'
import { type Match, type MatchParts, matchesOf, storedPerson } from './match-operation.ts'

/** Patients whose duplicates are looked for on one page: some ten searches each. */
const PATIENTS_PER_PAGE = 25
/** Duplicates named of one patient. */
const PER_PATIENT_MAX = 20
const PURPOSE = 'duplicates-page'

/**
 * Patients who are likely one person, for a person to review: `Patient/[id]/$salus-duplicates` of one, `Patient/$salus-duplicates` of all,
 * 25 at a time; the parameter `next` of the answer is given as `page` for those that follow. Each pair is named once, with its
 * score and grade as `$match` gives them. Nothing is changed.
 *
 * Faults: `fhir.match.page-unknown`, `fhir.forbidden`.
 */
export function duplicatesOperation(parts: MatchParts): Operation {
  return {
    name: 'salus-duplicates',
    definition: 'https://salus.health/fhir/OperationDefinition/duplicates',
    levels: ['type', 'instance'],
    types: ['Patient'],
    affectsState: false,
    asks: true,
    permission: 's',
    parameters: { page: { kind: 'text' } },
    run: (call) => run(parts, call),
  }
}

async function run(parts: MatchParts, call: OperationCall): Promise<OperationAnswer> {
  const { caller, instance } = call
  requireScope(caller, 'Patient', 'r')
  const { patients, next } = instance
    ? { patients: await openedRows(parts.store, [instance.row]), next: undefined }
    : await page(parts, call)
  const parameter: object[] = []
  const shown = new Map<number, OpenedRow>()
  for (const patient of patients) {
    for (const duplicate of await duplicatesOf(parts, caller, patient)) {
      // Of a walk through all each pair comes up twice: it is named at the one that came later.
      if (!instance && duplicate.row.rid > patient.row.rid) continue
      for (const one of [patient, duplicate]) shown.set(one.row.rid, one)
      parameter.push(pairOf(patient, duplicate))
    }
  }
  if (next !== undefined) parameter.push({ name: 'next', valueString: next })
  const body = { resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) }
  return { status: 200, body, ...disclosedBy([...shown.values()]) }
}

/** One of whom too little is known has no duplicates that could be told. */
async function duplicatesOf(parts: MatchParts, caller: Caller, { row, body }: OpenedRow): Promise<Match[]> {
  try {
    const found = await matchesOf(parts, caller, storedPerson(body))
    return found.filter((one) => one.row.rid !== row.rid).slice(0, PER_PATIENT_MAX)
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === MATCH_FAULTS.tooLittle.code) return []
    throw error
  }
}

function pairOf(patient: OpenedRow, { body, match }: Match): object {
  const reference = (of: Buffer): object => ({ reference: `Patient/${idOf(of)}` })
  return {
    name: 'pair',
    part: [
      { name: 'patient', valueReference: reference(patient.body) },
      { name: 'duplicate', valueReference: reference(body) },
      { name: 'score', valueDecimal: Math.round(match.score * 10_000) / 10_000 },
      { name: 'grade', valueCode: match.grade },
    ],
  }
}

async function page(
  { store, search }: MatchParts,
  { caller, parameters }: OperationCall,
): Promise<{ patients: OpenedRow[]; next: string | undefined }> {
  const token = textOf(parameters, 'page')
  const text = token === undefined ? undefined : store.vault.openText(PURPOSE, caller.tenant, token, caller.client)
  if (token !== undefined && text === undefined) raise(MATCH_FAULTS.pageUnknown)
  const wanted: [string, string][] = [
    ['_sort', '_id'],
    ['_count', String(PATIENTS_PER_PAGE)],
  ]
  const parsed = parseSearch({ types: ['Patient'], parameters: wanted, clock: search.clock })
  if (!parsed.ok) throw new FaultError(parsed.fault)
  const place = text === undefined ? {} : { place: { keys: [], rid: Number(text), backwards: false } }
  const answer = await runSearch(search, caller, parsed.value, place)
  const last = answer.matches.at(-1)
  return {
    patients: await openedRows(store, answer.matches),
    next:
      answer.next === undefined || !last
        ? undefined
        : store.vault.sealText(PURPOSE, caller.tenant, String(last.rid), caller.client),
  }
}
