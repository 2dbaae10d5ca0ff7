import { pushExtensions } from './children.ts'
import { type FunctionTable, fixed, plain } from './function-table.ts'
import { singleText } from './functions-string.ts'
import { EMPTY, FhirNode, type Item, isObject, toNode } from './item.ts'
import type { Eval, Run } from './run.ts'

/** What FHIR adds (http://hl7.org/fhir/R4/fhirpath.html#functions). */
export const fhirFunctions: FunctionTable = {
  extension: fixed(1, (input, site) => {
    const url = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      const wanted = singleText(url(run, focus), site.at)
      if (wanted === undefined) return EMPTY
      const out: Item[] = []
      for (const item of items) pushExtensions(item, wanted, out)
      run.spend(items.length + out.length, site.at)
      return out
    }
  }),
  resolve: plain((items, run, { at }) => {
    const out: Item[] = []
    for (const item of items) {
      run.spend(1, at)
      const resource = resolve(item, run, at)
      if (resource !== undefined) out.push(resource)
    }
    return out
  }),
}

/** The resource a Reference, canonical or uri means; undefined where nothing is known of it. */
function resolve(item: Item, run: Run, at: number): FhirNode | undefined {
  const value = item instanceof FhirNode ? item.value : item
  const reference = isObject(value) ? value.reference : value
  if (typeof reference !== 'string' || reference.length > REFERENCE_CHARS_MAX) return undefined
  if (reference.startsWith('#')) return contained(reference.slice(1), run, at)
  const found = run.env.resolve?.(reference)
  if (found !== undefined && found !== null) return toNode(found, '')
  return stub(reference, isObject(value) ? value.type : undefined)
}

function contained(id: string, run: Run, at: number): FhirNode | undefined {
  const root = run.env.rootResource ?? run.env.resource ?? jsonOf(run.input[0])
  if (!isObject(root)) return undefined
  if (id === '') return toNode(root, '')
  const resources = Array.isArray(root.contained) ? root.contained : []
  run.spend(resources.length, at)
  const found: unknown = resources.find((resource) => isObject(resource) && resource.id === id)
  return found === undefined ? undefined : toNode(found, '')
}

function jsonOf(item: Item | undefined): unknown {
  return item instanceof FhirNode ? item.value : undefined
}

/** No address is longer, and reading one takes as long as it is. */
const REFERENCE_CHARS_MAX = 10_000

const TYPE_AND_ID = /(?:^|\/)([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/

/**
 * What the reference itself says of its target: enough for `resolve() is Patient`, which search parameters ask. The
 * type comes from the text or from `Reference.type`.
 */
function stub(reference: string, declaredType: unknown): FhirNode | undefined {
  const match = TYPE_AND_ID.exec(reference)
  if (match !== null) return new FhirNode({ resourceType: match[1], id: match[2] }, match[1] as string)
  if (typeof declaredType !== 'string') return undefined
  return new FhirNode({ resourceType: declaredType }, declaredType)
}
