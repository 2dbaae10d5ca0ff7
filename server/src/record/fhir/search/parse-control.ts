import { isResourceType, searchParameters } from '@salus/fhir-model'
import { LIMITS, raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { definitionOf } from './filter-context.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { Include, OutputWishes, SearchRequest, SortKey } from './search-request.ts'

/** The parts of a request that say how to answer, not what to find. https://hl7.org/fhir/R4/search.html#return */
export type Controls = Pick<SearchRequest, 'sort' | 'count' | 'total' | 'includes' | 'graph' | 'output'>

export function defaultControls(): Controls {
  return { sort: [], count: LIMITS.pageEntriesDefault, total: 'none', includes: [], output: {} }
}

interface Direction {
  reverse: boolean
  iterate?: true
}
const ITERATED: Direction = { reverse: false, iterate: true }
const REVERSE_ITERATED: Direction = { reverse: true, iterate: true }

/** What controls may name. */
interface Known {
  types: readonly string[]
  custom: CustomTable | undefined
}

type Reader = (controls: Controls, value: string, known: Known) => void

const READERS: Record<string, Reader> = {
  _sort: (controls, value, { types }) => {
    controls.sort = value.split(',').map((key) => sortKey(key, types))
    if (controls.sort.length > SEARCH_LIMITS.sortKeysMax)
      invalid('_sort', `at most ${SEARCH_LIMITS.sortKeysMax} parameters`)
  },
  _count: (controls, value) => {
    if (!/^\d{1,9}$/.test(value)) invalid('_count', 'a whole number')
    controls.count = Math.min(Number(value), LIMITS.pageEntriesMax)
  },
  _total: (controls, value) => {
    controls.total = oneOf('_total', value, ['none', 'estimate', 'accurate'])
  },
  _include: (controls, value, known) => addInclude(controls, include(value, known, { reverse: false })),
  _revinclude: (controls, value, known) => addInclude(controls, include(value, known, { reverse: true })),
  '_include:iterate': (controls, value, known) => addInclude(controls, include(value, known, ITERATED)),
  '_revinclude:iterate': (controls, value, known) => addInclude(controls, include(value, known, REVERSE_ITERATED)),
  // What :iterate was called in earlier releases, and still is by clients.
  '_include:recurse': (controls, value, known) => addInclude(controls, include(value, known, ITERATED)),
  '_revinclude:recurse': (controls, value, known) => addInclude(controls, include(value, known, REVERSE_ITERATED)),
  _graph: (controls, value) => {
    const id = /^(?:GraphDefinition\/)?([A-Za-z0-9\-.]{1,64})$/.exec(value)?.[1]
    controls.graph = id ?? invalid('_graph', 'the id of a GraphDefinition')
  },
  _summary: (controls, value) => {
    controls.output.summary = oneOf<NonNullable<OutputWishes['summary']>>('_summary', value, [
      'true',
      'text',
      'data',
      'count',
      'false',
    ])
  },
  _elements: (controls, value) => {
    controls.output.elements = value
      .split(',')
      .map((name) => (/^[A-Za-z][\w.]{0,80}$/.test(name) ? name : invalid('_elements', 'element names')))
  },
  _format: (controls, value) => {
    controls.output.format = value
  },
  _pretty: (controls, value) => {
    controls.output.pretty = oneOf('_pretty', value, ['true', 'false']) === 'true'
  },
}

/** Whether `name` says how to answer. */
export function isControl(name: string): boolean {
  return Object.hasOwn(READERS, name)
}

/** Take one such parameter into `controls`. Faults: `fhir.search.value-invalid`, `fhir.search.sort-unknown`, `fhir.search.include-unknown`. */
export function readControl(controls: Controls, name: string, value: string, known: Known): void {
  READERS[name]?.(controls, value, known)
}

function sortKey(text: string, types: readonly string[]): SortKey {
  const descending = text.startsWith('-')
  const code = descending ? text.slice(1) : text
  const sortable = types.every((type) => {
    const def = searchParameters(type).get(code)
    return def !== undefined && def.index >= 0 && def.type !== 'composite' && def.type !== 'special'
  })
  if (!sortable)
    raise({
      category: 'invalid',
      code: 'fhir.search.sort-unknown',
      message: '_sort takes search parameters of the type, each with an optional minus sign before it.',
    })
  return { code, descending }
}

/** `Type:parameter`, `Type:parameter:Target`, `Type:*` or `*`. https://hl7.org/fhir/R4/search.html#include */
function include(value: string, { types, custom }: Known, direction: Direction): Include {
  const { reverse, iterate } = direction
  if (value === '*') return { ...direction, source: '*', code: '*' }
  const [source = '', code = '', target, ...rest] = value.split(':')
  const known = isResourceType(source) && rest.length === 0 && (reverse || iterate || types.includes(source))
  const def = known ? definitionOf(source, code, custom) : undefined
  const isWild = known && code === '*' && target === undefined
  const fits =
    def?.type === 'reference' &&
    (target === undefined || (isResourceType(target) && (def.targets.length === 0 || def.targets.includes(target))))
  if (!isWild && !fits)
    raise({
      category: 'invalid',
      code: 'fhir.search.include-unknown',
      message: `${reverse ? '_revinclude' : '_include'} takes *, Type:*, Type:parameter or Type:parameter:Target, of a reference parameter${reverse || iterate ? '' : ' of the searched type'}.`,
    })
  return { ...direction, source, code, ...(target === undefined ? {} : { target }) }
}

function addInclude(controls: Controls, one: Include): void {
  if (controls.includes.length >= SEARCH_LIMITS.includesMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.includes-too-many',
      message: `A search takes at most ${SEARCH_LIMITS.includesMax} _include and _revinclude parameters.`,
    })
  controls.includes.push(one)
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  return allowed.includes(value as T) ? (value as T) : invalid(name, `one of ${allowed.join(', ')}`)
}

function invalid(name: string, wanted: string): never {
  return raise({ category: 'invalid', code: 'fhir.search.value-invalid', message: `${name} takes ${wanted}.` })
}
