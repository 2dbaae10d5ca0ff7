import { isJson, objectsOf, textOf } from './definition-source.ts'
import { resolveReference } from './resolve.ts'
import type { Walk } from './walk.ts'

export interface Step {
  kind: 'child' | 'extension' | 'ofType' | 'resolve'
  name: string
}

/** A value with the type that its JSON name tells; empty where it tells none. */
export interface Typed {
  value: unknown
  type: string
}

const STEP = /^(?:\$this|resolve\(\)|extension\('([^']+)'\)|ofType\((\w+)\)|as\((\w+)\)|([A-Za-z]\w*))(?:\.|$)/
const STEPS_MAX = 30

/** The steps of a discriminator's path; undefined for what the specification does not allow. */
export function parsePath(path: string): Step[] | undefined {
  const steps: Step[] = []
  // `(value as Coding).code` is an older way to write `value.ofType(Coding).code`.
  let rest = path.replace(/\((\w+) as (\w+)\)/g, '$1.ofType($2)')
  while (rest !== '') {
    const match = STEP.exec(rest)
    if (match === null || steps.length > STEPS_MAX) return undefined
    const [whole, url, type, other, name] = match
    rest = rest.slice(whole.length)
    if (url !== undefined) steps.push({ kind: 'extension', name: url })
    else if (type !== undefined || other !== undefined) steps.push({ kind: 'ofType', name: (type ?? other) as string })
    else if (name !== undefined) steps.push({ kind: 'child', name: name.endsWith('[x]') ? name.slice(0, -3) : name })
    else if (whole.startsWith('resolve')) steps.push({ kind: 'resolve', name: '' })
  }
  return steps
}

/** The values that a path leads to. */
export function valuesAt(walk: Walk, value: unknown, steps: readonly Step[]): Typed[] {
  let found: Typed[] = [{ value, type: '' }]
  for (const step of steps) found = found.flatMap((one) => below(walk, one, step)).slice(0, VALUES_MAX)
  return found
}

/** Values one path may lead to in one item: beyond that a discriminator tells nothing apart. */
const VALUES_MAX = 10_000

function below(walk: Walk, { value, type }: Typed, { kind, name }: Step): Typed[] {
  if (kind === 'ofType') {
    const own = isJson(value) && typeof value.resourceType === 'string' ? value.resourceType : type
    return own === name || own === '' ? [{ value, type: name }] : []
  }
  if (kind === 'resolve') return resolved(walk, value)
  if (!isJson(value)) return []
  if (kind === 'extension')
    return objectsOf(value.extension)
      .filter(({ url }) => url === name)
      .map((extension) => ({ value: extension, type: 'Extension' }))
  if (Object.hasOwn(value, name)) return listed(value[name], '')
  if (Object.hasOwn(value, `_${name}`)) return listed(value[`_${name}`], '')
  for (const key in value)
    if (key.startsWith(name) && /^[A-Z]/.test(key.slice(name.length)))
      return listed(value[key], typeOfSuffix(key.slice(name.length)))
  return []
}

const listed = (value: unknown, type: string): Typed[] =>
  Array.isArray(value) ? value.map((one: unknown) => ({ value: one, type })) : [{ value, type }]

const PRIMITIVES = new Set(
  'base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string time unsignedInt uri url uuid'.split(
    ' ',
  ),
)

function typeOfSuffix(suffix: string): string {
  const small = suffix.charAt(0).toLowerCase() + suffix.slice(1)
  return PRIMITIVES.has(small) ? small : suffix
}

function resolved(walk: Walk, value: unknown): Typed[] {
  const literal = isJson(value) ? textOf(value.reference) : textOf(value)
  if (literal === '' || walk.place === null) return []
  const target = resolveReference(walk, walk.place, literal)
  if (target !== undefined) return [{ value: target, type: textOf(target.resourceType) }]
  // The reference itself may tell the type, which is enough for slices by type.
  const type = /(?:^|\/)([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(literal)?.[1]
  return type === undefined ? [] : [{ value: undefined, type }]
}
