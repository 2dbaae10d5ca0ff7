import { isResourceType, type SearchParameterDef, searchParameters } from '@salus/fhir-model'
import { raise } from '#kernel'
import { dateRange } from './date-range.ts'
import { localReference } from './local-reference.ts'
import { numberRange } from './number-range.ts'
import type { Modifier, Prefix, QueryValue } from './search-request.ts'
import { splitValues, unescapeValue } from './split-values.ts'

/** What the values of a parameter are read with, beside their text. */
export interface ValueContext {
  def: SearchParameterDef
  modifier?: Modifier
  /** The type named by a `:Patient` modifier. */
  targetType?: string
  /** Address of this server's FHIR base. */
  base?: string
  /** Now, in ms: `ap` widens a date by a tenth of its distance from now. */
  now: number
}

/**
 * One value of a search parameter. Faults name the parameter and what it takes, never the value.
 * https://hl7.org/fhir/R4/search.html#ptypes
 */
export function parseValue(raw: string, context: ValueContext): QueryValue {
  const { def, modifier } = context
  if (raw === '') return invalid(def, 'a value')
  if (def.code === '_id')
    return /^[A-Za-z0-9\-.]{1,64}$/.test(raw) ? { kind: 'id', id: raw } : invalid(def, 'a resource id')
  if (modifier !== undefined && Object.hasOwn(MODIFIED, modifier))
    return MODIFIED[modifier]?.(raw, context) as QueryValue
  switch (def.type) {
    case 'token':
      return token(raw, def)
    case 'string':
      return { kind: 'string', value: unescapeValue(raw) }
    case 'uri':
      return { kind: 'uri', value: unescapeValue(raw) }
    case 'reference':
      return reference(raw, context)
    case 'date':
      return date(raw, context)
    case 'number':
      return number(raw, def)
    case 'quantity':
      return quantity(raw, def)
    case 'composite':
      return composite(raw, context)
    case 'special':
      return invalid(def, 'another form: it is read apart')
  }
}

/** Values that a modifier gives another form than their parameter has. */
const MODIFIED: Partial<Record<Modifier, (raw: string, context: ValueContext) => QueryValue>> = {
  identifier: (raw, { def }) => token(raw, def),
  text: (raw) => ({ kind: 'string', value: unescapeValue(raw) }),
  in: valueSet,
  'not-in': valueSet,
  'of-type': (raw, { def }) => {
    const [system = '', code = '', ...rest] = splitValues(raw, '|').map(unescapeValue)
    const value = rest.join('|')
    if (code === '' || value === '') return invalid(def, 'system|code|value, of the type and of the identifier')
    return { kind: 'typed-identifier', ...(system === '' ? {} : { system }), code, value }
  },
}

function valueSet(raw: string, { def, base }: ValueContext): QueryValue {
  const url = unescapeValue(raw)
  const local = localReference({ url }, base)
  if (local) return local.type === 'ValueSet' ? { kind: 'value-set', id: local.id } : invalid(def, 'a ValueSet')
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(url)
    ? { kind: 'value-set', url }
    : invalid(def, 'the URL of a value set, or ValueSet/id')
}

function token(raw: string, def: SearchParameterDef): QueryValue {
  const [first = '', ...rest] = splitValues(raw, '|')
  if (rest.length === 0) return { kind: 'token', code: unescapeValue(first) }
  const system = unescapeValue(first)
  const code = unescapeValue(rest.join('|'))
  if (system === '' && code === '') return invalid(def, 'code, system|code, system| or |code')
  return { kind: 'token', system: system === '' ? null : system, ...(code === '' ? {} : { code }) }
}

function reference(raw: string, { def, targetType, base }: ValueContext): QueryValue {
  const url = unescapeValue(raw)
  const local = localReference({ url }, base)
  if (local) {
    if (targetType !== undefined && local.type !== targetType) return invalid(def, `a reference to ${targetType}`)
    return { kind: 'reference', ...local }
  }
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(url))
    return { kind: 'reference', id: url, ...(targetType === undefined ? {} : { type: targetType }) }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url)) return { kind: 'url', url }
  return invalid(def, 'an id, Type/id or an absolute URL')
}

const PREFIXED = /^(eq|ne|gt|ge|lt|le|sa|eb|ap)?([^a-z].*)$/i

function prefixed(raw: string): { prefix: Prefix; rest: string } | undefined {
  const found = PREFIXED.exec(raw)
  return found ? { prefix: (found[1]?.toLowerCase() ?? 'eq') as Prefix, rest: found[2] as string } : undefined
}

/** A tenth of the distance from now (search.html#prefix). */
const APPROXIMATELY = 0.1

function date(raw: string, { def, now }: ValueContext): QueryValue {
  const parts = prefixed(raw)
  const range = parts && dateRange(parts.rest)
  if (!range) return invalid(def, 'a date such as 2024, ge2024-05 or lt2024-05-17T10:30:00Z')
  if (parts.prefix !== 'ap') return { kind: 'date', prefix: parts.prefix, ...range }
  const margin = Math.round(Math.abs(now - (range.lo + range.hi) / 2) * APPROXIMATELY)
  return { kind: 'date', prefix: 'ap', lo: range.lo - margin, hi: range.hi + margin }
}

function number(raw: string, def: SearchParameterDef): QueryValue {
  const parts = prefixed(raw)
  const range = parts && numberRange(parts.rest)
  return range ? { kind: 'number', prefix: parts.prefix, ...range } : invalid(def, 'a number such as 5.4 or gt5.4')
}

function quantity(raw: string, def: SearchParameterDef): QueryValue {
  const [amount = '', system = '', ...rest] = splitValues(raw, '|')
  const parts = prefixed(amount)
  const range = parts && numberRange(parts.rest)
  const code = unescapeValue(rest.join('|'))
  if (!range || (system !== '' && code === ''))
    return invalid(def, 'a quantity such as 5.4, 5.4||mg or gt5.4|http://unitsofmeasure.org|mg')
  return {
    kind: 'quantity',
    prefix: parts.prefix,
    ...range,
    ...(system === '' ? {} : { system: unescapeValue(system) }),
    ...(code === '' ? {} : { code }),
  }
}

function composite(raw: string, context: ValueContext): QueryValue {
  const { def } = context
  const components = compositeParts(def)
  const texts = splitValues(raw, '$')
  if (texts.length !== components.length) return invalid(def, `${components.length} values joined by $`)
  return {
    kind: 'composite',
    parts: texts.map((text, index) => parseValue(text, { ...context, def: components[index] as SearchParameterDef })),
  }
}

/** The parameters that give the components of a composite their kinds. */
export function compositeParts(def: SearchParameterDef): SearchParameterDef[] {
  const own = searchParameters(def.base)
  return (def.components ?? []).map(
    ({ code }) =>
      own.get(code) ??
      raise({
        category: 'unsupported',
        code: 'fhir.search.parameter-unsupported',
        message: `${def.code} is not a search parameter of this server; see its CapabilityStatement.`,
      }),
  )
}

/** Whether a modifier names a type the reference may point to. */
export function isTarget(def: SearchParameterDef, type: string): boolean {
  return def.type === 'reference' && isResourceType(type) && (def.targets.length === 0 || def.targets.includes(type))
}

function invalid(def: SearchParameterDef, wanted: string): never {
  return raise({ category: 'invalid', code: 'fhir.search.value-invalid', message: `${def.code} takes ${wanted}.` })
}
