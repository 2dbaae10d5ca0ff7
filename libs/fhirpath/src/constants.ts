import { EMPTY, FhirNode, type Items, toNode } from './item.ts'
import { type Eval, executionError, type Run } from './run.ts'

const URLS: Record<string, string> = {
  sct: 'http://snomed.info/sct',
  loinc: 'http://loinc.org',
  ucum: 'http://unitsofmeasure.org',
}

/** `%name`: variables first, then the names FHIRPath and FHIR R4 define. Throws (`execution`) for an unknown one. */
export function constantEval(name: string, at: number): Eval {
  const url = fixedUrl(name)
  if (url !== undefined) {
    const value: Items = [url]
    return () => value
  }
  return (run) => {
    const defined = run.variables?.get(name)
    if (defined !== undefined) return defined
    const { variables } = run.env
    if (variables !== undefined && Object.hasOwn(variables, name)) {
      return run.once(name, () => collection(variables[name]))
    }
    if (name === 'context') return run.env.context === undefined ? run.input : collection(run.env.context)
    if (name === 'resource') return resource(run)
    if (name === 'rootResource')
      return run.env.rootResource === undefined ? resource(run) : collection(run.env.rootResource)
    throw executionError('there is no such constant', at)
  }
}

function fixedUrl(name: string): string | undefined {
  if (Object.hasOwn(URLS, name)) return URLS[name]
  if (name.startsWith('vs-')) return `http://hl7.org/fhir/ValueSet/${name.slice(3)}`
  return name.startsWith('ext-') ? `http://hl7.org/fhir/StructureDefinition/${name.slice(4)}` : undefined
}

function resource(run: Run): Items {
  return run.env.resource === undefined ? run.input : collection(run.env.resource)
}

/** A value from outside as a collection; plain strings, numbers and booleans count as System values. */
function collection(value: unknown): Items {
  if (value === undefined || value === null) return EMPTY
  if (Array.isArray(value)) return value.flatMap((member) => collection(member) as Items[number][])
  if (typeof value === 'string' || typeof value === 'boolean') return [value]
  if (typeof value === 'number' && Number.isSafeInteger(value)) return [value]
  return [value instanceof FhirNode ? value : toNode(value, typeof value === 'number' ? 'decimal' : '')]
}
