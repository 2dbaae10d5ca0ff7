import type { Resource } from '../store/write-request.ts'

interface Parameter {
  name: string
  resource?: Resource
  [value: string]: unknown
}

/** Values of the parameter `name` of a Parameters resource, in order; of whatever type they are. */
export function valuesOf(parameters: Resource, name: string): unknown[] {
  return (parameters.parameter as Parameter[])
    .filter((one) => one.name === name)
    .map((one) => Object.entries(one).find(([key]) => key.startsWith('value'))?.[1])
}

/** The one value of a parameter that is given once at most, as text. */
export function textOf(parameters: Resource, name: string): string | undefined {
  const [value] = valuesOf(parameters, name)
  return value === undefined ? undefined : written(value)
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Words of a parameter that may be repeated and may hold several between commas: `_type=Patient,Observation`. */
export function wordsOf(parameters: Resource, name: string): string[] {
  return valuesOf(parameters, name).flatMap((value) =>
    String(value)
      .split(',')
      .filter((word) => word !== ''),
  )
}

/** Whether a boolean parameter is true; undefined when it is not given. */
export function flagOf(parameters: Resource, name: string): boolean | undefined {
  const text = textOf(parameters, name)
  return text === undefined ? undefined : text === 'true'
}

/** The resource of a parameter. */
export function resourceOf(parameters: Resource, name: string): Resource | undefined {
  return (parameters.parameter as Parameter[]).find((one) => one.name === name)?.resource
}
