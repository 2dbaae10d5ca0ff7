import { searchParameters } from '@salus/fhir-model'
import { raise } from '#kernel'
import { type FilterContext, unknown } from './filter-context.ts'
import { tidy } from './number-range.ts'
import { listed } from './parse-chain.ts'
import { parseLogic } from './parse-logic.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Filter, QueryValue } from './search-request.ts'
import { splitValues, unescapeValue } from './split-values.ts'
import { textWords } from './text-words.ts'
import { toCanonical, ucumUnit } from './ucum-unit.ts'

type Reader = (value: string, context: FilterContext) => Filter

/** Parameters that no element answers by itself. https://hl7.org/fhir/R4/search.html#all */
const READERS: Record<string, Reader> = {
  _text: (value) => wordsFilter('_text', value),
  _content: (value) => wordsFilter('_content', value),
  _list: listFilter,
  _filter: (value, context) => parseLogic(value, context),
  near: nearFilter,
  _query: () =>
    raise({
      category: 'invalid',
      code: 'fhir.search.query-unknown',
      message: 'There is no named query of that name: this server has none. Search by parameters, or with _filter.',
    }),
  _contained: (value) => {
    if (value !== 'false') raise(CONTAINED)
    return { code: '_contained', values: [], logic: { op: 'and', of: [] } }
  },
  _containedType: () => raise(CONTAINED),
}

export function isSpecial(name: string): boolean {
  return Object.hasOwn(READERS, name)
}

/**
 * Faults: `fhir.search.value-invalid`, `parameter-unknown`, `list-unknown`, `query-unknown`, `contained-unsupported` and those
 * of `parseLogic`.
 */
export function parseSpecial(name: string, value: string, context: FilterContext): Filter {
  return (READERS[name] as Reader)(value, context)
}

const CONTAINED = {
  category: 'invalid',
  code: 'fhir.search.contained-unsupported',
  message:
    'Contained resources are found with the resource that contains them, not by themselves: _contained takes false only. Chains do not lead into them.',
} as const

function wordsFilter(code: string, value: string): Filter {
  const values = splitValues(value, ',').map((one): QueryValue => {
    const words = textWords(unescapeValue(one))
    if (words.length === 0 || words.length > SEARCH_LIMITS.searchedWordsMax)
      return invalid(code, `words, at most ${SEARCH_LIMITS.searchedWordsMax} of them`)
    return { kind: 'words', words }
  })
  return { code, values }
}

const LIST_USES = 'http://terminology.hl7.org/CodeSystem/list-example-use-codes'
/** https://hl7.org/fhir/R4/lifecycle.html#current */
const CURRENT_LISTS: Record<string, string> = {
  '$current-problems': 'problems',
  '$current-medications': 'medications',
  '$current-allergies': 'allergies',
}

/** A list by its id, or the lists that are in use for something now. https://hl7.org/fhir/R4/search.html#list */
function listFilter(value: string): Filter {
  const lists = splitValues(value, ',').map((one): Filter => {
    const id = one.startsWith('List/') ? one.slice('List/'.length) : one
    if (!id.startsWith('$'))
      return listed({
        code: '_id',
        values: [/^[A-Za-z0-9\-.]{1,64}$/.test(id) ? { kind: 'id', id } : invalid('_list', 'ids of lists')],
      })
    const use = Object.hasOwn(CURRENT_LISTS, id) ? CURRENT_LISTS[id] : undefined
    if (use === undefined)
      return raise({
        category: 'invalid',
        code: 'fhir.search.list-unknown',
        message: `_list takes ids of lists, and ${Object.keys(CURRENT_LISTS).join(', ')}.`,
      })
    const of: Filter[] = [
      { code: 'status', values: [{ kind: 'token', code: 'current' }] },
      { code: 'code', values: [{ kind: 'token', system: LIST_USES, code: use }] },
    ]
    return listed({ code: '_list', values: [], logic: { op: 'and', of } })
  })
  return lists.length === 1 ? (lists[0] as Filter) : { code: '_list', values: [], logic: { op: 'or', of: lists } }
}

/** Kilometres around a place when no distance is given: the specification leaves it to the server. */
const NEAR_KM_DEFAULT = 50

/** `latitude|longitude[|distance[|unit]]`, https://hl7.org/fhir/R4/location.html#search */
function nearFilter(value: string, context: FilterContext): Filter {
  if (context.types.some((type) => searchParameters(type).get('near')?.type !== 'special')) return unknown(context)
  const values = splitValues(value, ',').map((one): QueryValue => {
    const [latitude = Number.NaN, longitude = Number.NaN, distance = NEAR_KM_DEFAULT] = splitValues(one, '|')
      .slice(0, 3)
      .map((part) => (/^-?\d{1,5}(?:\.\d{1,15})?$/.test(part) ? Number(part) : Number.NaN))
    const metres = distance * metresOf(splitValues(one, '|').slice(3).join('|'))
    if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && metres >= 0))
      return invalid('near', 'latitude|longitude|distance|unit, in degrees and a UCUM unit of length such as km')
    return { kind: 'near', latitude, longitude, metres }
  })
  return { code: 'near', values }
}

function metresOf(unit: string): number {
  const { key } = ucumUnit('m')
  const found = ucumUnit(unit === '' ? 'km' : unit)
  return found.key === key ? tidy(toCanonical(found, 1)) : Number.NaN
}

function invalid(code: string, wanted: string): never {
  return raise({ category: 'invalid', code: 'fhir.search.value-invalid', message: `${code} takes ${wanted}.` })
}
