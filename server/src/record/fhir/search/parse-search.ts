import { COMPARTMENTS, compartmentParams } from '@salus/fhir-model'
import { type Clock, type Fault, FaultError, fail, LIMITS, ok, type Result, raise } from '#kernel'
import type { CustomTable } from '../parameters/custom-parameters.ts'
import { withoutAnd } from './filter-tree.ts'
import { chainStart } from './parse-chain.ts'
import { defaultControls, isControl, readControl } from './parse-control.ts'
import { knownTypes, parseFilter } from './parse-filter.ts'
import { SEARCH_LIMITS } from './search-limits.ts'
import type { SearchRequest } from './search-request.ts'

/** A search as it arrives. */
export interface SearchText {
  /** The type of the path; several or none (with `_type` among the parameters) for a search of the whole system. */
  types: readonly string[]
  /** Names and values, decoded from the URL or the form. */
  parameters: readonly (readonly [name: string, value: string])[]
  /** Names that are read elsewhere: they only count among the parameters. */
  readElsewhere?: ReadonlySet<string>
  /** `Patient/x/Observation`. */
  compartment?: { type: string; id: string }
  /** `Prefer: handling=lenient`: what is unknown is ignored and reported, instead of refused. */
  lenient?: boolean
  /** Address of this server's FHIR base, to know local references by. */
  base?: string
  /** Search parameters of the tenant's own. */
  custom?: CustomTable
  clock: Clock
}

/**
 * Read a FHIR search in full, so that nothing a client asked for is silently left out. Faults (all `fhir.search.*`, none
 * repeats a value): `parameter-unknown` (ignored when lenient), `parameter-unsupported`, `parameter-repeated`,
 * `value-invalid`, `values-too-many`, `parameters-too-many`, `chain-too-long`, `chain-too-wide`, `chain-type-needed`,
 * `filter-invalid`, `filter-too-large`, `list-unknown`, `query-unknown`, `contained-unsupported`, `sort-unknown`, `include-unknown`, `includes-too-many`, `type-unknown`, `types-too-many`, `compartment-unknown`.
 * https://hl7.org/fhir/R4/search.html
 */
export function parseSearch(text: SearchText): Result<SearchRequest> {
  try {
    return ok(read(text))
  } catch (error) {
    if (error instanceof FaultError) return fail(error.fault)
    throw error
  }
}

/** Only these may stand more than once among the parameters that say how to answer. */
const REPEATABLE = new Set(['_include', '_revinclude'].flatMap((name) => [name, `${name}:iterate`, `${name}:recurse`]))

function read({
  types: given,
  parameters,
  compartment,
  lenient = false,
  base,
  clock,
  custom,
  readElsewhere,
}: SearchText): SearchRequest {
  if (parameters.length > LIMITS.searchParametersMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.parameters-too-many',
      message: `A search takes at most ${LIMITS.searchParametersMax} parameters.`,
    })
  const types = searchedTypes(given, parameters, compartment)
  const controls = defaultControls()
  const request: SearchRequest = {
    types,
    filters: [],
    ...controls,
    ...(compartment ? { compartment } : {}),
    self: [],
    warnings: [],
  }
  const seen = new Set<string>()
  const context = {
    types,
    now: clock.now(),
    chain: chainStart(),
    ...(base === undefined ? {} : { base }),
    ...(custom ? { custom } : {}),
  }
  for (const [index, [name, value]] of parameters.entries()) {
    // A type of the address leaves nothing for `_type` to say: it is refused like any unknown parameter.
    if ((name === '_type' && given.length === 0) || readElsewhere?.has(name)) continue
    try {
      if (isControl(name)) {
        if (seen.has(name) && !REPEATABLE.has(name))
          raise({
            category: 'invalid',
            code: 'fhir.search.parameter-repeated',
            message: `${name} may stand only once in a search.`,
          })
        seen.add(name)
        readControl(request, name, value, { types, custom })
      } else request.filters.push(...withoutAnd([parseFilter(name, value, { ...context, position: index + 1 })]))
    } catch (error) {
      if (!lenient || !ignorable(error)) throw error
      request.warnings.push(error.fault)
      continue
    }
    request.self.push([name, name === '_count' ? String(request.count) : value])
  }
  if (given.length !== 1) request.self.unshift(['_type', types.join(',')])
  return request
}

function ignorable(error: unknown): error is FaultError & { fault: Fault } {
  return error instanceof FaultError && IGNORABLE.has(error.fault.code)
}

/** A value that cannot be read is refused even when lenient: ignoring it would answer with other patients' data. */
const IGNORABLE = new Set([
  'fhir.search.parameter-unknown',
  'fhir.search.parameter-unsupported',
  'fhir.search.sort-unknown',
  'fhir.search.include-unknown',
])

function searchedTypes(
  given: readonly string[],
  parameters: SearchText['parameters'],
  compartment: SearchText['compartment'],
): string[] {
  const named = parameters.filter(([name]) => name === '_type').flatMap(([, value]) => value.split(','))
  const types = knownTypes(given.length > 0 ? given : named)
  if (types.length === 0)
    raise({
      category: 'invalid',
      code: 'fhir.search.type-unknown',
      message: 'A search of the whole system names the types it wants: _type=Patient,Observation.',
    })
  if (types.length > SEARCH_LIMITS.typesMax)
    raise({
      category: 'too-costly',
      code: 'fhir.search.types-too-many',
      message: `A search takes at most ${SEARCH_LIMITS.typesMax} types at once.`,
    })
  if (
    compartment &&
    (!COMPARTMENTS.includes(compartment.type) ||
      types.some((type) => compartmentParams(compartment.type, type).length === 0))
  )
    raise({
      category: 'not-found',
      code: 'fhir.search.compartment-unknown',
      message: 'There is no such compartment, or the type is never in it.',
    })
  return types
}
