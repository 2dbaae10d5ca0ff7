import type { Json } from '../json.ts'
import type { Visit } from './link.ts'
import type { SearchValue, TokenValue } from './search-value.ts'

// Spec: https://hl7.org/fhir/R4/search.html#token
// Values may come from resources that nobody has validated, so every converter looks before it takes.

export const codingToken: Visit = (coding, found) => {
  const value = token(coding.system, coding.code, coding.display)
  if (value !== null) found.push(value)
}

/** One value per coding, and one with the text alone. */
export const conceptTokens: Visit = (concept, found, resource) => {
  const { coding, text } = concept
  if (Array.isArray(coding))
    for (const one of coding as (Json | null)[]) if (one !== null) codingToken(one, found, resource)
  if (typeof text === 'string') found.push({ kind: 'token', text })
}

export const identifierToken: Visit = (identifier, found) => {
  const type = identifier.type as Json | undefined
  const value = token(identifier.system, identifier.value, type?.text)
  if (value === null) return
  const { coding } = type ?? {}
  if (Array.isArray(coding)) value.types = (coding as (Json | null)[]).flatMap((one) => typeOf(one))
  found.push(value)
}

function typeOf(coding: Json | null): { system?: string; code?: string }[] {
  const { system, code } = coding ?? {}
  if (typeof code !== 'string') return []
  return [typeof system === 'string' ? { system, code } : { code }]
}

/** The system of a contact point (phone, email) is no URI that a search could name. */
export const contactToken: Visit = (contact, found) => {
  const value = token(undefined, contact.value, contact.system)
  if (value !== null) found.push(value)
}

export const codeToken: Visit = (value, found) => {
  const code: unknown = value
  if (typeof code === 'string') found.push({ kind: 'token', code })
  else if (typeof code === 'boolean') found.push(code ? TRUE : FALSE)
}

export const TRUE: SearchValue = { kind: 'token', code: 'true' }
export const FALSE: SearchValue = { kind: 'token', code: 'false' }

function token(system: unknown, code: unknown, text: unknown): TokenValue | null {
  if (typeof code !== 'string' && typeof system !== 'string') return null
  const value: TokenValue = { kind: 'token' }
  if (typeof system === 'string') value.system = system
  if (typeof code === 'string') value.code = code
  if (typeof text === 'string') value.text = text
  return value
}
