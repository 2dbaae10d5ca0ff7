import { isObject, type Json, objects, text, valueOf } from '../engine/resources.ts'

/** Input of an operation: a Parameters resource read by name. http://hl7.org/fhir/R4/parameters.html */
export class ParametersIn {
  readonly resource: Json
  readonly #byName = new Map<string, Json[]>()

  constructor(resource: Json) {
    this.resource = resource
    for (const parameter of objects(resource, 'parameter')) {
      const name = text(parameter, 'name') ?? ''
      const known = this.#byName.get(name)
      if (known) known.push(parameter)
      else this.#byName.set(name, [parameter])
    }
  }

  all(name: string): readonly Json[] {
    return this.#byName.get(name) ?? []
  }

  /** The first value of a name as text; a number and a truth value count as written. */
  text(name: string): string | undefined {
    const value = valueOf(this.all(name)[0])?.[1]
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    return typeof value === 'string' && value !== '' ? value : undefined
  }

  object(name: string): Json | undefined {
    const value = valueOf(this.all(name)[0])?.[1]
    return isObject(value) ? value : undefined
  }

  resources(name: string): readonly Json[] {
    return this.all(name)
      .map((parameter) => parameter.resource)
      .filter(isObject)
  }
}
