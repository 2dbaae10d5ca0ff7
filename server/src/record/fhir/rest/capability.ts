import { RESOURCE_TYPES, searchParameters } from '@salus/fhir-model'
import { AUDIT_EVENT_PARAMETERS } from './audit-events.ts'

/** Types the API answers for but does not store: AuditEvent is a view of the audit log. */
const READ_ONLY = new Set(['AuditEvent'])

/** CapabilityStatement made from the tables that the API itself runs on: http://hl7.org/fhir/R4/capabilitystatement.html */
export function capabilityStatement(options: {
  fhirBase: string
  tokenUrl: string
  version: string
  startedAt: number
  operations: readonly AnnouncedOperation[]
}): Buffer {
  return Buffer.from(
    JSON.stringify({
      resourceType: 'CapabilityStatement',
      status: 'active',
      date: new Date(options.startedAt).toISOString(),
      kind: 'instance',
      software: { name: 'Salus', version: options.version },
      implementation: { description: 'Salus FHIR R4 record', url: options.fhirBase },
      fhirVersion: '4.0.1',
      // https://hl7.org/fhir/uv/bulkdata/STU2/CapabilityStatement-bulk-data.html
      instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
      format: ['application/fhir+json', 'application/json', 'application/fhir+xml', 'application/xml'],
      patchFormat: ['application/json-patch+json', 'application/fhir+json', 'application/fhir+xml'],
      rest: [
        {
          mode: 'server',
          security: security(options.tokenUrl),
          resource: RESOURCE_TYPES.map((type) => ({
            ...resourceCapability(type),
            ...announced(
              options.operations.filter(({ levels, types }) => types.includes(type) && !isSystemOnly(levels)),
              type,
            ),
          })),
          ...announced(options.operations.filter(({ levels }) => levels.includes('system'))),
          interaction: ['transaction', 'batch', 'search-system', 'history-system'].map((code) => ({ code })),
          searchParam: EVERYWHERE,
        },
      ],
    }),
  )
}

/** What a client needs to know of an operation: http://hl7.org/fhir/R4/capabilitystatement-definitions.html#CapabilityStatement.rest.resource.operation */
interface AnnouncedOperation {
  name: string
  definition: string
  byType?: Readonly<Record<string, { definition: string } | undefined>>
  levels: readonly ('system' | 'type' | 'instance')[]
  types: readonly string[]
}

function isSystemOnly(levels: AnnouncedOperation['levels']): boolean {
  return levels.every((level) => level === 'system')
}

function announced(operations: readonly AnnouncedOperation[], type = ''): object {
  const operation = operations.map(({ name, definition, byType }) => ({
    name,
    definition: byType?.[type]?.definition ?? definition,
  }))
  return filled({ operation })
}

/** No oauth-uris extension: it demands an address to authorize at, and tokens are given to clients by themselves only. */
function security(tokenUrl: string): object {
  return {
    cors: false,
    service: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/restful-security-service', code: 'SMART-on-FHIR' }] },
    ],
    description: `SMART Backend Services: client credentials at ${tokenUrl}; see .well-known/smart-configuration.`,
  }
}

const INTERACTIONS = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'history-type',
  'create',
  'search-type',
]

function resourceCapability(type: string): object {
  if (READ_ONLY.has(type))
    return {
      type,
      interaction: ['read', 'search-type'].map((code) => ({ code })),
      versioning: 'no-version',
      searchParam: AUDIT_EVENT_PARAMETERS,
    }
  const parameters = [...searchParameters(type).values()].filter(({ index }) => index >= 0)
  const searchParam = parameters.map(({ code, type: kind }) => ({ name: code, type: kind }))
  const references = parameters.filter((parameter) => parameter.type === 'reference')
  const searchInclude = ['*', `${type}:*`, ...references.map((parameter) => `${type}:${parameter.code}`)]
  return {
    type,
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete: 'single',
    referencePolicy: ['literal', 'logical', 'local'],
    ...filled({ searchInclude, searchRevInclude: ['*', ...(REVINCLUDES.get(type) ?? [])], searchParam }),
  }
}

/** Parameters of every search, with what they take here that a client could not know. */
const EVERYWHERE = [
  { name: '_type', type: 'token', documentation: 'Types of a search of the whole system; required there.' },
  { name: '_has', type: 'string', documentation: 'Up to five references, _has and chains counted together.' },
  { name: '_filter', type: 'string', documentation: 'The grammar of R4; and / or are read from left to right.' },
  { name: '_text', type: 'string', documentation: 'Each word begins a word of the narrative.' },
  { name: '_content', type: 'string', documentation: 'Each word begins a word of the text of the resource.' },
  { name: '_list', type: 'string', documentation: 'Ids of lists, $current-problems, -medications or -allergies.' },
  { name: '_contained', type: 'token', documentation: 'false only: contained resources are not found by themselves.' },
]

/** The lists that hold something: FHIR's JSON has no empty arrays. */
function filled(lists: Readonly<Record<string, readonly unknown[]>>): object {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0))
}

/** For each type the reference parameters of other types that may point at it. */
const REVINCLUDES = reverseIncludes()

function reverseIncludes(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const source of RESOURCE_TYPES)
    for (const parameter of searchParameters(source).values())
      if (parameter.type === 'reference')
        for (const target of parameter.targets)
          found.set(target, [...(found.get(target) ?? []), `${source}:${parameter.code}`])
  return found
}
