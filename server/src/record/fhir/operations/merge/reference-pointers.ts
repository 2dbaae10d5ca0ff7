import { parseExactly } from '../../rest/json-body.ts'
import type { PatchDocument } from '../../store/write-request.ts'

/** One step of a JSON Patch (RFC 6902). */
export interface PatchStep {
  op: 'replace' | 'add' | 'remove'
  path: string
  value?: unknown
}

/** References that are each replaced by a step of their own; of more the elements they stand in are replaced, which are few. */
const SINGLE_STEPS_MAX = 400

/** Where in a resource a reference to `Type/id` stands, as JSON pointers. One that names a version tells of the past and is not meant. */
export function pointersTo(resource: unknown, address: string, fhirBase: string): string[] {
  const wanted = new Set([address, `${fhirBase}/${address}`])
  const found: string[] = []
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, child] of Object.entries(node)) {
      const here = `${path}/${key}`
      if (key === 'reference' && typeof child === 'string' && wanted.has(child)) found.push(here)
      else walk(child, here)
    }
  }
  walk(resource, '')
  return found
}

/** What stands at a JSON pointer; undefined when nothing does. */
export function valueAt(resource: unknown, pointer: string): unknown {
  let node: unknown = resource
  for (const key of pointer.split('/').slice(1)) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined
    node = (node as Record<string, unknown>)[key]
  }
  return node
}

/**
 * The patch that puts `to` at the pointers of a stored resource; `more` are steps after it. It holds for this version alone, so that
 * the write has to name it. However many pointers there are, the steps stay within what a patch may have.
 */
export function replacing(
  body: Buffer,
  pointers: readonly string[],
  { to, more }: { to: string; more: readonly PatchStep[] },
): PatchDocument {
  if (pointers.length <= SINGLE_STEPS_MAX) {
    const steps = pointers.map((path): PatchStep => ({ op: 'replace', path, value: to }))
    return { format: 'json-patch', body: [...steps, ...more] }
  }
  const steps = (resource: Record<string, unknown>): PatchStep[] => [...elementSteps(resource, pointers, to), ...more]
  return {
    format: 'json-patch',
    body: steps(JSON.parse(body.toString()) as Record<string, unknown>),
    exact: steps(parseExactly(body)),
  }
}

/** Changes the resource, and gives a step for each of its elements that was changed. */
function elementSteps(resource: Record<string, unknown>, pointers: readonly string[], to: string): PatchStep[] {
  const changed = new Set<string>()
  for (const pointer of pointers) {
    const end = pointer.lastIndexOf('/')
    const holder = valueAt(resource, pointer.slice(0, end)) as Record<string, unknown>
    holder[pointer.slice(end + 1)] = to
    changed.add(pointer.split('/', 2)[1] as string)
  }
  return [...changed].map((key) => ({ op: 'replace', path: `/${key}`, value: resource[key] }))
}
