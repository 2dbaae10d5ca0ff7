import { checkBundle } from './bundle.ts'
import type { Json } from './definition-source.ts'
import type { Walk } from './walk.ts'

/** Rules of one resource type that no definition expresses. */
export type ResourceRule = (walk: Walk, resource: Json) => void

export const RESOURCE_RULES: ReadonlyMap<string, ResourceRule> = new Map<string, ResourceRule>([
  ['Bundle', checkBundle],
])
