import { concept, DEMO_IDENTIFIERS, SYNTHETIC_TAG, SYSTEMS } from './coding.ts'
import type { DemoBundle, DemoEntry, DemoResource } from './entry.ts'
import { COUNTRY, type Practitioner, type Site, STATE, STREETS, TOWNS } from './places-table.ts'
import type { Random } from './random.ts'

/** The growing record of one patient: resources get their uuid, their mark and their place in the transaction here. */
export interface Chart {
  /** A `urn:uuid:` for a resource that others name before it is added. */
  newUrn(): string
  /** Adds a create; answers its urn. */
  add(resource: DemoResource, urn?: string): string
  /** The resource added last, to change it when the story goes on. */
  last(): DemoResource
  /** The site and one of its staff, created once for all patients. */
  organization(site: Site): object
  practitioner(site: Site, index: number): object
  bundle(): DemoBundle
}

export function newChart(random: Random): Chart {
  const shared: DemoEntry[] = []
  const own: DemoEntry[] = []
  const known = new Map<string, object>()
  const newUrn = (): string => `urn:uuid:${random.uuid()}`
  const entryOf = (resource: DemoResource, urn: string, ifNoneExist?: string): DemoEntry => ({
    fullUrl: urn,
    resource: { ...resource, meta: { tag: [SYNTHETIC_TAG] } },
    request: { method: 'POST', url: resource.resourceType, ...(ifNoneExist === undefined ? {} : { ifNoneExist }) },
  })
  const once = (system: string, key: string, display: string, make: () => DemoResource): object => {
    const found = known.get(key)
    if (found) return found
    const urn = newUrn()
    const token = encodeURIComponent(`${system}|${key}`)
    const made = { reference: urn, display }
    known.set(key, made)
    shared.push(entryOf(make(), urn, `identifier=${token}`))
    return made
  }
  return {
    newUrn,
    add(resource, urn = newUrn()) {
      own.push(entryOf(resource, urn))
      return urn
    },
    last: () => (own.at(-1) as DemoEntry).resource,
    organization: (site) => once(DEMO_IDENTIFIERS.organization, site.key, site.name, () => organizationOf(site)),
    practitioner(site, index) {
      const person = site.staff[index % site.staff.length] as Practitioner
      return once(DEMO_IDENTIFIERS.practitioner, person.key, `Dr. ${person.given} ${person.family}`, () =>
        practitionerOf(person),
      )
    },
    bundle: () => ({ resourceType: 'Bundle', type: 'transaction', entry: [...shared, ...own] }),
  }
}

function organizationOf(site: Site): DemoResource {
  const [city, postalCode] = TOWNS[site.town] as (typeof TOWNS)[number]
  return {
    resourceType: 'Organization',
    identifier: [{ system: DEMO_IDENTIFIERS.organization, value: site.key }],
    active: true,
    type: [concept('organizationType', ['prov', 'Healthcare Provider'])],
    name: site.name,
    telecom: [{ system: 'email', value: `${site.key}@example.org`, use: 'work' }],
    address: [{ line: [`1 ${STREETS[site.town % STREETS.length]}`], city, state: STATE, postalCode, country: COUNTRY }],
  }
}

function practitionerOf(person: Practitioner): DemoResource {
  return {
    resourceType: 'Practitioner',
    identifier: [{ system: DEMO_IDENTIFIERS.practitioner, value: person.key }],
    active: true,
    name: [{ family: person.family, given: [person.given], prefix: ['Dr.'] }],
    telecom: [{ system: 'email', value: `${person.key}@example.org`, use: 'work' }],
    gender: person.gender,
    qualification: [{ code: { text: person.qualification } }],
  }
}

/** Base64 of text in UTF-8, as `Attachment.data` wants it. */
export function base64Text(text: string): string {
  let binary = ''
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** An Identifier with its type, e.g. MR. Spec: https://terminology.hl7.org/CodeSystem-v2-0203.html */
export function identifier(type: readonly [string, string], system: string, value: string): object {
  return {
    use: 'usual',
    type: { coding: [{ system: SYSTEMS.identifierType, code: type[0], display: type[1] }] },
    system,
    value,
  }
}
