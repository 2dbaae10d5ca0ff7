// The comparison rules of the tx-ecosystem tests: readme.md of the corpus, and the control words in its files.

/** Why `actual` is not what was expected, with the path; undefined when it is. */
export function difference(expected: unknown, actual: unknown, path = ''): string | undefined {
  if (typeof expected === 'string') return textDifference(expected, actual, path)
  if (Array.isArray(expected)) return listDifference(expected, actual, path)
  if (isObject(expected)) return objectDifference(expected, actual, path)
  return Object.is(expected, actual) ? undefined : `${path}: ${show(actual)} instead of ${show(expected)}`
}

/**
 * `OperationOutcome.issue.location` is the older way to say `expression`. The same issue is expected with both in some files and
 * with `expression` alone in others, so that no server could answer all of them otherwise.
 */
function repeatsExpression(name: string, expected: Json, actual: Json): boolean {
  return (
    name === 'location' &&
    'expression' in expected &&
    JSON.stringify(actual.location) === JSON.stringify(actual.expression)
  )
}

type Json = Record<string, unknown>

function objectDifference(expected: Json, actual: unknown, path: string): string | undefined {
  if (!isObject(actual)) return `${path}: ${show(actual)} instead of an object`
  const optional = new Set(names(expected, '$optional-properties$'))
  const counted = new Set(names(expected, '$count-arrays$'))
  for (const name of Object.keys(actual))
    if (!(name in expected) && !optional.has(name) && !repeatsExpression(name, expected, actual))
      return `${path}.${name}: not expected: ${show(actual[name])}`
  for (const [name, value] of Object.entries(expected)) {
    if (name.startsWith('$')) continue
    if (!(name in actual)) {
      if (optional.has(name) || isOptional(value)) continue
      return `${path}.${name}: missing, should be ${show(value)}`
    }
    if (counted.has(name)) {
      if ((value as unknown[]).length !== (actual[name] as unknown[]).length) return `${path}.${name}: other length`
      continue
    }
    const found = difference(value, actual[name], `${path}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** Order never matters: each item found must be one expected, and each expected one must be found unless it is optional. */
function listDifference(expected: readonly unknown[], actual: unknown, path: string): string | undefined {
  if (!Array.isArray(actual)) return `${path}: ${show(actual)} instead of a list`
  const fits = actual.map((one) => expected.map((wanted) => difference(wanted, one) === undefined))
  const taken = match(fits, expected.length)
  const alone = actual.findIndex((_, index) => !taken.includes(index))
  const left = expected.findIndex((wanted, index) => taken[index] === undefined && !isOptional(wanted))
  if (alone < 0 && left < 0) return undefined
  if (alone >= 0 && left >= 0) return difference(expected[left], actual[alone], `${path}[${left}]`)
  return alone >= 0
    ? `${path}: not expected: ${show(actual[alone])}`
    : `${path}[${left}]: missing: ${show(expected[left])}`
}

/** Largest matching of found to expected items (Kuhn): which found item each expected one takes. */
function match(fits: readonly (readonly boolean[])[], count: number): (number | undefined)[] {
  const taken: (number | undefined)[] = Array.from({ length: count }, () => undefined)
  const place = (item: number, seen: Set<number>): boolean => {
    for (let wanted = 0; wanted < count; wanted++) {
      if (fits[item]?.[wanted] !== true || seen.has(wanted)) continue
      seen.add(wanted)
      const holder = taken[wanted]
      if (holder === undefined || place(holder, seen)) {
        taken[wanted] = item
        return true
      }
    }
    return false
  }
  for (let item = 0; item < fits.length; item++) place(item, new Set())
  return taken
}

const PATTERNS: Record<string, RegExp> = {
  $id$: /^[A-Za-z0-9.-]{1,64}$/,
  $uuid$: /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  $instant$: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  $$: /[^]*/,
}

function textDifference(expected: string, actual: unknown, path: string): string | undefined {
  if (typeof actual !== 'string') return `${path}: ${show(actual)} instead of ${show(expected)}`
  return textFits(expected, actual) ? undefined : `${path}: ${show(actual)} instead of ${show(expected)}`
}

function textFits(expected: string, actual: string): boolean {
  const pattern = PATTERNS[expected]
  if (pattern) return pattern.test(actual)
  const [, word = '', rest = ''] = /^\$(\w+):?(.*)\$$/s.exec(expected) ?? []
  switch (word) {
    case 'choice':
      return rest.split('|').includes(actual)
    case 'fragments':
      return rest.split('|').every((fragment) => actual.includes(fragment))
    case 'external':
      // Servers word this message as they like: what it must name stands behind the number.
      return actual.includes(rest.replace(/^\d+:?/, ''))
    default:
      return expected.includes('$version$') ? versionFits(expected, actual) : expected === actual
  }
}

function versionFits(expected: string, actual: string): boolean {
  const [before = '', after = ''] = expected.split('$version$')
  const version = actual.slice(before.length, actual.length - after.length)
  return actual.startsWith(before) && actual.endsWith(after) && /^[A-Za-z0-9.-]+$/.test(version)
}

function isOptional(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every(isOptional)
  return isObject(value) && ('$optional$' in value || '$optional' in value)
}

function names(object: Json, control: string): string[] {
  const value = object[control]
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 300)
}
