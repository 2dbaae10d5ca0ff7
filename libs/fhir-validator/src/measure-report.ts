import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import type { Walk } from './walk.ts'

/** A report against its measure: groups and stratifiers are found by their codes. Spec: https://hl7.org/fhir/R4/measurereport.html */
export function checkMeasureReport(walk: Walk, report: Json): void {
  const canonical = textOf(report.measure)
  if (canonical === '') return
  const measure = walk.settings.plans.profiles.source.find('Measure', canonical)
  if (measure === undefined)
    return walk.note('warning', 'not-found', 'The measure is not known here, so the report was not checked.')
  const definitions = objectsOf(measure.group)
  const groups = objectsOf(report.group)
  for (const [place, group] of groups.entries()) {
    const at = `group[${place}]`
    const definition =
      definitions.length === 1 && group.code === undefined
        ? definitions[0]
        : definitions.find(({ code }) => sameCode(code, group.code))
    if (definition === undefined) walk.error('business-rule', 'The measure has no group of this code.', at)
    else checkParts(walk, definition, group, at)
  }
}

const PARTS = ['population', 'stratifier'] as const

function checkParts(walk: Walk, definition: Json, group: Json, at: string): void {
  for (const part of PARTS) {
    const wanted = objectsOf(definition[part])
    const found = objectsOf(group[part])
    const matched = new Set<Json>()
    for (const [place, one] of found.entries()) {
      const code: unknown = Array.isArray(one.code) ? one.code[0] : one.code
      const match = wanted.find((other) => !matched.has(other) && sameCode(other.code, code))
      if (match === undefined)
        walk.error('business-rule', `The group of the measure has no ${part} of this code.`, `${at}.${part}[${place}]`)
      else matched.add(match)
    }
    for (const other of wanted)
      if (!matched.has(other)) walk.error('business-rule', `A ${part} of the measure is missing.`, at)
  }
}

/** Concepts are the same when they share a coding; two without codings by their text. */
function sameCode(one: unknown, other: unknown): boolean {
  if (!isJson(one) || !isJson(other)) return false
  const codings = objectsOf(other.coding)
  if (
    objectsOf(one.coding).some(({ system, code }) =>
      codings.some((coding) => coding.code === code && coding.system === system),
    )
  )
    return true
  return one.text !== undefined && one.text === other.text
}
