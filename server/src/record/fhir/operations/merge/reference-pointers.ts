/** One step of a JSON Patch (RFC 6902). */
export interface PatchStep {
  op: 'test' | 'replace' | 'add' | 'remove'
  path: string
  value?: unknown
}

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

/** Steps that put `to` where now `from` must be. */
export function replaceSteps(resource: unknown, pointers: readonly string[], to: string): PatchStep[] {
  return pointers.flatMap((path): PatchStep[] => [
    { op: 'test', path, value: valueAt(resource, path) },
    { op: 'replace', path, value: to },
  ])
}
