import { mandatoryElements, summaryElements } from '@salus/fhir-model'
import { raise } from '#kernel'
import { parseExactly } from './json-body.ts'

/** What of each resource is asked for: `_elements` or `_summary`. */
export type Narrowing = { kind: 'elements'; names: string[] } | { kind: 'summary' | 'text' | 'data' }

/** http://hl7.org/fhir/R4/search.html#elements and #summary; undefined when the whole resource is asked for. `_summary=count` is the search's. */
export function parseNarrowing(query: { get(name: string): string | null }): Narrowing | undefined {
  const elements = query.get('_elements')
  const summary = query.get('_summary')
  if (elements !== null && summary !== null)
    raise({
      category: 'invalid',
      code: 'fhir.elements-and-summary',
      message: 'Ask for _elements or _summary, not both.',
    })
  if (elements !== null)
    return { kind: 'elements', names: elements.split(',').map((name) => (name.split('.').at(-1) ?? '').trim()) }
  if (summary === null || summary === 'false' || summary === 'count') return undefined
  if (summary === 'true') return { kind: 'summary' }
  if (summary === 'text' || summary === 'data') return { kind: summary }
  return raise({
    category: 'invalid',
    code: 'fhir.summary-unknown',
    message: '_summary must be true, false, text, data or count.',
  })
}

/** The resource with only the elements asked for, tagged SUBSETTED so that nobody writes it back as the whole. */
export function narrowed(body: Buffer, narrowing: Narrowing): Buffer {
  return Buffer.from(JSON.stringify(narrowResource(parseExactly(body), narrowing)))
}

const ALWAYS = ['resourceType', 'id', 'meta']
const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }

export function narrowResource(resource: Record<string, unknown>, narrowing: Narrowing): Record<string, unknown> {
  const type = String(resource.resourceType)
  const kept = keptElements(type, narrowing)
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(resource)) {
    const name = key.startsWith('_') ? key.slice(1) : key
    if (narrowing.kind === 'data' ? name !== 'text' : kept.has(name) || kept.has(choiceName(name, kept)))
      result[key] = value
  }
  const meta = (resource.meta ?? {}) as { tag?: object[] }
  result.meta = { ...meta, tag: [...(meta.tag ?? []), SUBSETTED] }
  return result
}

function keptElements(type: string, narrowing: Narrowing): Set<string> {
  if (narrowing.kind === 'elements') return new Set([...ALWAYS, ...mandatoryElements(type), ...narrowing.names])
  if (narrowing.kind === 'text') return new Set([...ALWAYS, 'text', ...mandatoryElements(type)])
  return new Set([...ALWAYS, ...summaryElements(type)])
}

/** `valueQuantity` belongs to `value`: the longest kept name that it begins with, followed by a capital. */
function choiceName(name: string, kept: ReadonlySet<string>): string {
  for (let end = name.length - 1; end > 0; end--) {
    const stem = name.slice(0, end)
    if (/[A-Z]/.test(name[end] ?? '') && (kept.has(stem) || kept.has(`${stem}[x]`)))
      return kept.has(stem) ? stem : `${stem}[x]`
  }
  return name
}
