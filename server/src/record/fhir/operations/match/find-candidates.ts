import { FaultError, raise } from '#kernel'
import { parseSearch, runSearch, type SearchDeps } from '../../search/index.ts'
import type { RecordStore } from '../../store/record-store.ts'
import type { StoredRow } from '../../store/rows.ts'
import type { Caller, Resource } from '../../store/write-request.ts'
import { type OpenedRow, openedRows } from '../referred-rows.ts'
import { MATCH_FAULTS } from './match-faults.ts'
import type { Person } from './person.ts'

/** Candidates taken of one search: who shares a rarer combination than a family name with so many is not told apart by it. */
const PER_SEARCH_MAX = 100
/** Searches for one person, the most telling first. */
const SEARCHES_MAX = 24
/** Letters of a name that are searched: spellings mostly part later. */
const LETTERS = 3

/**
 * Patients who may be this person: those who share an identifier, a contact, or two of birth date, names and place. Each is a search by
 * keyed tokens, so that the cost follows the matches and not the record; no combination of few letters alone is searched. At
 * most 2,400 rows, each once. Fault `fhir.match.too-little` when the description allows no search.
 */
export async function findCandidates(
  { store, search }: { store: RecordStore; search: SearchDeps },
  caller: Caller,
  person: Person,
): Promise<(OpenedRow & { patient: Resource })[]> {
  const queries = blocksOf(person).slice(0, SEARCHES_MAX)
  if (queries.length === 0) return raise(MATCH_FAULTS.tooLittle)
  const rows = new Map<number, StoredRow>()
  for (const parameters of queries) {
    const parsed = parseSearch({
      types: ['Patient'],
      parameters: [...parameters, ['_count', String(PER_SEARCH_MAX)]],
      clock: search.clock,
    })
    if (!parsed.ok) throw new FaultError(parsed.fault)
    for (const row of (await runSearch(search, caller, parsed.value)).matches) rows.set(row.rid, row)
  }
  const found: (OpenedRow & { patient: Resource })[] = []
  for (const one of await openedRows(store, [...rows.values()])) {
    found.push({ ...one, patient: JSON.parse(one.body.toString()) as Resource })
    await new Promise<void>((next) => setImmediate(next))
  }
  return found
}

type Parameters = [name: string, value: string][]

function blocksOf({ identifiers, contacts, families, givens, birthDate, gender, addresses }: Person): Parameters[] {
  const blocks: Parameters[] = []
  for (const { system, value } of identifiers) blocks.push([['identifier', `${escaped(system)}|${escaped(value)}`]])
  for (const { kind, value } of contacts) blocks.push([[kind, escaped(value)]])
  const family = anyOf(families)
  const given = anyOf(givens)
  const postalCode = addresses.find((one) => one.postalCode !== '')?.postalCode
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(birthDate)
  if (isDay && family !== '')
    blocks.push([
      ['birthdate', birthDate],
      ['family', family],
    ])
  if (isDay && given !== '')
    blocks.push([
      ['birthdate', birthDate],
      ['given', given],
    ])
  if (isDay && postalCode !== undefined)
    blocks.push([
      ['birthdate', birthDate],
      ['address-postalcode', escaped(postalCode)],
    ])
  if (family !== '' && given !== '') {
    const year: Parameters = birthDate === '' ? [] : [['birthdate', birthDate.slice(0, 4)]]
    const sex: Parameters = gender === 'male' || gender === 'female' ? [['gender', gender]] : []
    blocks.push([['family', family], ['given', given], ...year, ...sex])
    // The whole names, for a birth date that is wrong altogether.
    blocks.push([
      ['family', families.map(escaped).join(',')],
      ['given', givens.map(escaped).join(',')],
    ])
    if (postalCode !== undefined)
      blocks.push([
        ['family', family],
        ['address-postalcode', escaped(postalCode)],
      ])
  }
  return blocks
}

/** Beginnings of names, as alternatives. */
function anyOf(names: readonly string[]): string {
  return [...new Set(names.map((name) => name.slice(0, LETTERS)))].map(escaped).join(',')
}

/** In a search a comma separates values and a bar system from code. */
function escaped(text: string): string {
  return text.replace(/[\\,|$]/g, '\\$&')
}
