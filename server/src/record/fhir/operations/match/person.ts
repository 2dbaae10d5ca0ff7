import { email, fold, telephoneDigits } from '#vault'
import type { Resource } from '../../store/write-request.ts'

/** What of a Patient tells who it is, in a form that can be compared. */
export interface Person {
  /** `system|value`. */
  identifiers: readonly { system: string; value: string }[]
  families: readonly string[]
  /** First names, each name's first one first. */
  givens: readonly string[]
  birthDate: string
  gender: string
  /** Telephone digits and e-mail addresses. */
  contacts: readonly { kind: 'phone' | 'email'; value: string }[]
  addresses: readonly { lines: string; city: string; postalCode: string }[]
  birthOrder: number | undefined
}

/** Values of each kind that are compared: nobody has more names or numbers that still tell something. */
const VALUES_MAX = 20

/** Names of a family that tell as much apart: `Anna Maria` and `Anna-Maria`. Old and temporary ones count too. */
export function personOf(patient: Resource): Person {
  const names = objects(patient.name)
  return {
    identifiers: objects(patient.identifier).flatMap(({ system, value }) =>
      typeof system === 'string' && typeof value === 'string' && value !== '' ? [{ system, value }] : [],
    ),
    families: distinct(names.map(({ family }) => folded(family))),
    givens: distinct(names.flatMap(({ given }) => texts(given).map(folded))),
    birthDate: typeof patient.birthDate === 'string' ? patient.birthDate : '',
    gender: typeof patient.gender === 'string' ? patient.gender : '',
    contacts: objects(patient.telecom).flatMap(contactOf),
    addresses: objects(patient.address).map(({ line, city, postalCode }) => ({
      lines: folded(texts(line).join(' ')),
      city: folded(city),
      postalCode: folded(postalCode).replaceAll(' ', ''),
    })),
    birthOrder: typeof patient.multipleBirthInteger === 'number' ? patient.multipleBirthInteger : undefined,
  }
}

function contactOf({ system, value }: Record<string, unknown>): Person['contacts'][number][] {
  if (typeof value !== 'string') return []
  const kind = system === 'email' ? 'email' : 'phone'
  const normal = kind === 'email' ? email(value) : telephoneDigits(value)
  return normal === '' || (kind === 'phone' && system !== 'phone' && system !== 'sms') ? [] : [{ kind, value: normal }]
}

function folded(value: unknown): string {
  return typeof value === 'string' ? fold(value).trim() : ''
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values.filter((value) => value !== ''))].slice(0, VALUES_MAX)
}

function objects(value: unknown): Record<string, unknown>[] {
  const list = Array.isArray(value) ? (value as unknown[]) : []
  return list
    .filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
    .slice(0, VALUES_MAX)
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
