import { isResourceType } from '@salus/fhir-model'
import { raise } from '#kernel'

/** SMART v2 interactions: create, read, update, delete, search. */
export type Interaction = 'c' | 'r' | 'u' | 'd' | 's'

/** What a client may do, compiled to a bit mask per resource type. */
export interface ScopeSet {
  /** Whether `interaction` on resources of `type` is granted. About 20 ns. */
  allows(type: string, interaction: Interaction): boolean
  /** Normalised SMART v2 form, sorted; empty when nothing is granted. */
  text: string
}

/** Longest scope text of a client or a request: it travels in every token, and a header line ends at 16 kB. */
export const SCOPE_CHARS_MAX = 2_048

const BITS: Record<Interaction, number> = { c: 1, r: 2, u: 4, d: 8, s: 16 }
const LETTERS = Object.keys(BITS) as Interaction[]
/** SMART v1 words and what they mean in v2 (SMART App Launch 2.2, "Scopes for requesting FHIR resources"). */
const V1: Record<string, string> = { read: 'rs', write: 'cud', '*': 'cruds' }
/** v2 letters must stand in the order "cruds"; a `?query` refinement is not granted, since it would be granted unrefined. */
const SYSTEM_SCOPE = /^system\/(\*|[A-Z][A-Za-z]{1,63})\.(\*|read|write|(?=[cruds])c?r?u?d?s?)$/

/**
 * Compile the `system/` scopes in `text`. Scopes of other kinds (`openid`, `user/`, `patient/`, refined ones) are left out,
 * as OAuth 2.0 lets a server grant less than was asked (RFC 6749 section 3.3).
 */
export function parseScope(text: string): ScopeSet {
  return compiled(masks(text).granted)
}

/**
 * The same for a registration, where a scope that can never be granted is a mistake to be told.
 * @throws `identity.scope-invalid`, `identity.scope-type-unknown`
 */
export function parseRegisteredScope(text: string): ScopeSet {
  const { granted, unknown } = masks(text)
  for (const type of granted.keys())
    if (type !== '*' && !isResourceType(type))
      raise({
        category: 'invalid',
        code: 'identity.scope-type-unknown',
        message: `The scope names ${type}, which is no FHIR R4 resource type. Types are written as in the specification, e.g. Observation.`,
      })
  if (unknown || granted.size === 0 || text.length > SCOPE_CHARS_MAX)
    raise({
      category: 'invalid',
      code: 'identity.scope-invalid',
      message: `Give one or more SMART system scopes in at most ${SCOPE_CHARS_MAX} characters, e.g. "system/*.cruds" or "system/Observation.rs".`,
    })
  return compiled(granted)
}

/** What both texts allow, e.g. `system/*.rs` and `system/Patient.cruds` give `system/Patient.rs`. */
export function intersectScopes(requested: string, registered: string): ScopeSet {
  const a = masks(requested).granted
  const b = masks(registered).granted
  const both = new Map<string, number>()
  for (const type of new Set(['*', ...a.keys(), ...b.keys()])) both.set(type, mask(a, type) & mask(b, type))
  return compiled(both)
}

type Masks = Map<string, number>

function mask(masksByType: Masks, type: string): number {
  return (masksByType.get(type) ?? 0) | (masksByType.get('*') ?? 0)
}

function masks(text: string): { granted: Masks; unknown: boolean } {
  const granted: Masks = new Map()
  let unknown = false
  for (const word of text.split(' ')) {
    if (word === '') continue
    const match = SYSTEM_SCOPE.exec(word)
    const [type, permission] = [match?.[1], match?.[2]]
    if (type === undefined || permission === undefined) {
      unknown = true
      continue
    }
    let bits = granted.get(type) ?? 0
    for (const letter of V1[permission] ?? permission) bits |= BITS[letter as Interaction]
    granted.set(type, bits)
  }
  return { granted, unknown }
}

function compiled(granted: Masks): ScopeSet {
  const everywhere = granted.get('*') ?? 0
  const byType = new Map<string, number>()
  const words: string[] = everywhere === 0 ? [] : [`system/*.${letters(everywhere)}`]
  for (const [type, bits] of [...granted].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (type === '*' || (bits | everywhere) === everywhere) continue
    byType.set(type, bits | everywhere)
    words.push(`system/${type}.${letters(bits | everywhere)}`)
  }
  return {
    allows: (type, interaction) => ((byType.get(type) ?? everywhere) & BITS[interaction]) !== 0,
    text: words.join(' '),
  }
}

function letters(bits: number): string {
  return LETTERS.filter((letter) => (bits & BITS[letter]) !== 0).join('')
}
