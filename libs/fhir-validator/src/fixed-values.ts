import { compareValues } from './compare-values.ts'
import { isJson, objectsOf } from './definition-source.ts'
import { choiceOf } from './element-definition.ts'
import type { ElementNode } from './element-tree.ts'
import type { Check } from './plan.ts'
import { checkPattern, REGEX } from './regex-check.ts'

/** The checks of what an element's definition fixes or limits. */
export function fixedChecks(node: ElementNode): Check[] {
  const { definition } = node
  const checks: Check[] = []
  const fixed = choiceOf(definition, 'fixed')
  if (fixed !== undefined) checks.push(fixedCheck(fixed.value))
  const pattern = choiceOf(definition, 'pattern')
  if (pattern !== undefined) checks.push(patternCheck(pattern.value))
  const least = choiceOf(definition, 'minValue')
  if (least !== undefined) checks.push(limitCheck(least.value, -1))
  const most = choiceOf(definition, 'maxValue')
  if (most !== undefined) checks.push(limitCheck(most.value, 1))
  const regex = objectsOf(definition.extension).find(({ url }) => url === REGEX)?.valueString
  if (typeof regex === 'string')
    checks.push((walk, value) => {
      if (typeof value === 'string') checkPattern(walk, regex, value, '')
    })
  const { maxLength } = definition
  if (typeof maxLength === 'number')
    checks.push((walk, value) => {
      if (typeof value === 'string' && value.length > maxLength)
        walk.error('too-long', `Longer than the ${maxLength} characters that the profile allows.`)
    })
  return checks
}

function fixedCheck(wanted: unknown): Check {
  return (walk, value) => {
    if (!isSame(value, wanted)) reportDifferences(walk, value, wanted, true)
  }
}

function patternCheck(wanted: unknown): Check {
  return (walk, value) => {
    if (!contains(value, wanted)) reportDifferences(walk, value, wanted, false)
  }
}

/** Of an object the reference names each part that differs; an exact value is named by the definition alone. */
function reportDifferences(walk: Parameters<Check>[0], value: unknown, wanted: unknown, exact: boolean): void {
  const what = exact ? 'The profile fixes another value here' : 'The profile demands a pattern that this does not fit'
  if (!isJson(value) || !isJson(wanted)) return walk.error('value', `${what}: ${shown(wanted)}.`)
  const keys = new Set([...Object.keys(wanted), ...(exact ? Object.keys(value) : [])])
  for (const key of keys) {
    const fits = exact
      ? isSame(value[key], wanted[key])
      : wanted[key] === undefined || contains(value[key], wanted[key])
    if (fits) continue
    const below = value[key] === undefined || Array.isArray(value[key]) ? '' : key
    walk.error('value', `${what}: ${key} ${shown(wanted[key])}.`, below)
  }
}

/** What a definition demands may be told: it is of the profile, not of the patient. */
function shown(wanted: unknown): string {
  const text = JSON.stringify(wanted) ?? 'nothing'
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

/** Equal in every part. Recursion ends with the definition, whose depth JSON packages bound. */
export function isSame(value: unknown, wanted: unknown): boolean {
  if (value === wanted) return true
  if (Array.isArray(wanted))
    return Array.isArray(value) && value.length === wanted.length && wanted.every((one, at) => isSame(value[at], one))
  if (!isJson(wanted) || !isJson(value)) return false
  const keys = Object.keys(wanted)
  return (
    keys.length === Object.keys(value).length &&
    keys.every((key) => Object.hasOwn(value, key) && isSame(value[key], wanted[key]))
  )
}

/** Whether the value has all that the pattern has; entries of lists in any order. */
export function contains(value: unknown, pattern: unknown): boolean {
  if (value === pattern) return true
  if (Array.isArray(pattern))
    return Array.isArray(value) && pattern.every((wanted) => value.some((one) => contains(one, wanted)))
  if (!isJson(pattern) || !isJson(value)) return false
  for (const key in pattern) if (!Object.hasOwn(value, key) || !contains(value[key], pattern[key])) return false
  return true
}

/** `side` 1: the value must not be greater; -1: not smaller. */
function limitCheck(limit: unknown, side: 1 | -1): Check {
  const word = side > 0 ? 'greatest' : 'least'
  return (walk, value) => {
    const order = compareValues(value, limit, { now: walk.settings.now, units: walk.settings.units })
    if (order === undefined)
      walk.note('warning', 'not-supported', `The ${word} value of the profile cannot be compared with this one.`)
    else if (order * side > 0) walk.error('value', `The ${word} value that the profile allows is ${shown(limit)}.`)
  }
}
