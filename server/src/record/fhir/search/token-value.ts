import type { SearchParameterDef } from '@salus/fhir-model'
import type { QueryValue } from './search-request.ts'

type TokenQuery = Extract<QueryValue, { kind: 'token' }>

/**
 * A system that resources do not repeat, because all codes of the element are of it, is left out: `gender` is found by
 * `http://hl7.org/fhir/administrative-gender|male` as by `male`. Without a code any value is meant then.
 */
export function withoutImpliedSystem(def: SearchParameterDef, query: TokenQuery): TokenQuery {
  if (def.system === undefined || query.system !== def.system) return query
  return query.code === undefined ? { kind: 'token' } : { kind: 'token', code: query.code }
}
