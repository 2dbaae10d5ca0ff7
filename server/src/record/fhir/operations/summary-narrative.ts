import type { Resource } from '../store/write-request.ts'

interface Concept {
  text?: unknown
  coding?: readonly ({ display?: unknown; code?: unknown } | null)[]
}

/** Rows of a section's table in what people read; a longer one is cut there, the entries are all in the document. */
const ROWS_MAX = 200
const CELL_CHARS_MAX = 500

/**
 * What a section says to a reader: a row for each resource with what it is about, its value or status, and when. Everything is text:
 * nothing of a resource is taken over as markup. http://hl7.org/fhir/R4/narrative.html
 */
export function sectionNarrative(title: string, resources: readonly Resource[], note?: string): object {
  const rows = resources
    .slice(0, ROWS_MAX)
    .map(
      (one) =>
        `<tr>${[whatOf(one), valueOf(one), whenOf(one)].map((cell) => `<td>${xhtmlText(cell)}</td>`).join('')}</tr>`,
    )
  const table =
    rows.length === 0
      ? ''
      : `<table><thead><tr><th>What</th><th>Value or status</th><th>When</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
  const more = resources.length > ROWS_MAX ? [`${resources.length - ROWS_MAX} more are among the entries.`] : []
  const notes = [...more, ...(note === undefined ? [] : [note])].map((text) => `<p>${xhtmlText(text)}</p>`).join('')
  return {
    status: 'generated',
    div: `<div xmlns="http://www.w3.org/1999/xhtml"><h2>${xhtmlText(title)}</h2>${table}${notes}</div>`,
  }
}

/** Text inside an element or a quoted attribute; characters that XML knows not are left out. */
export function xhtmlText(text: string): string {
  return text
    .slice(0, CELL_CHARS_MAX)
    .replace(NO_XML, '')
    .replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
}

/** Characters that XML 1.0 does not have, not even escaped; halves of surrogate pairs are none either. */
const NO_XML =
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const WHAT = ['code', 'vaccineCode', 'medicationCodeableConcept', 'type', 'title'] as const

function whatOf(resource: Resource): string {
  for (const key of WHAT) {
    const text = conceptText(resource[key])
    if (text !== '') return text
  }
  const { medicationReference, device, category } = resource as Record<string, { display?: unknown } | undefined>
  for (const reference of [medicationReference, device])
    if (typeof reference?.display === 'string') return reference.display
  return (
    listOf(category)
      .map(conceptText)
      .find((text) => text !== '') ?? resource.resourceType
  )
}

function valueOf(resource: Resource): string {
  const parts: string[] = []
  const value = measured(resource)
  if (value !== '') parts.push(value)
  for (const one of listOf(resource.component)) {
    const component = one as Resource
    const text = measured(component)
    if (text !== '') parts.push(`${conceptText(component.code)} ${text}`)
  }
  for (const one of [...listOf(resource.dosage), ...listOf(resource.dosageInstruction)]) {
    const { text } = (one ?? {}) as { text?: unknown }
    if (typeof text === 'string') parts.push(text)
  }
  for (const one of listOf(resource.reaction))
    parts.push(...listOf((one as { manifestation?: unknown } | null)?.manifestation).map(conceptText))
  const { clinicalStatus, verificationStatus, criticality, status } = resource
  for (const state of [clinicalStatus, verificationStatus, criticality, status]) parts.push(conceptText(state))
  return parts.filter((part) => part !== '').join('; ')
}

function measured({
  valueQuantity,
  valueCodeableConcept,
  valueString,
  valueInteger,
  valueBoolean,
  dataAbsentReason,
}: Record<string, unknown>): string {
  const quantity = valueQuantity as
    | { value?: unknown; unit?: unknown; code?: unknown; comparator?: unknown }
    | undefined
  if (typeof quantity?.value === 'number' || typeof quantity?.value === 'object') {
    const unit = quantity.unit ?? quantity.code
    const written = JSON.stringify(quantity.value)
    return `${typeof quantity.comparator === 'string' ? quantity.comparator : ''}${written}${typeof unit === 'string' ? ` ${unit}` : ''}`
  }
  if (typeof valueInteger === 'number' || typeof valueBoolean === 'boolean') return String(valueInteger ?? valueBoolean)
  return conceptText(valueCodeableConcept) || conceptText(valueString) || conceptText(dataAbsentReason)
}

const WHEN = [
  'effectiveDateTime',
  'effectiveInstant',
  'effectivePeriod',
  'onsetDateTime',
  'onsetPeriod',
  'occurrenceDateTime',
  'performedDateTime',
  'performedPeriod',
  'authoredOn',
  'timingDateTime',
  'timingPeriod',
  'period',
  'recordedDate',
  'issued',
] as const

function whenOf(resource: Resource): string {
  for (const key of WHEN) {
    const value = resource[key]
    if (typeof value === 'string') return value
    const { start, end } = (value ?? {}) as { start?: unknown; end?: unknown }
    if (typeof start === 'string' || typeof end === 'string')
      return `${typeof start === 'string' ? start : ''} - ${typeof end === 'string' ? end : ''}`
  }
  return ''
}

/** A CodeableConcept or text in words: its text, else the first display, else the first code. */
function conceptText(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return ''
  const { text, coding } = value as Concept
  if (typeof text === 'string') return text
  const codings = listOf(coding) as NonNullable<Concept['coding']>
  const words =
    codings.find((one) => typeof one?.display === 'string')?.display ??
    codings.find((one) => typeof one?.code === 'string')?.code
  return typeof words === 'string' ? words : ''
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
