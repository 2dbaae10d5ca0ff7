import { randomUUID } from 'node:crypto'
import { typeName } from '@salus/fhir-model'
import type { Clock } from '#kernel'
import { idOf } from '../store/resolve-targets.ts'
import type { OpenedRow } from './referred-rows.ts'

/** An entry of a document: a serialised resource under its address. */
export interface DocumentEntry {
  fullUrl: string
  body: Buffer
}

/** A document put together from serialised resources, the Composition first: http://hl7.org/fhir/R4/documents.html */
export function documentBundle(clock: Clock, entries: readonly DocumentEntry[]): Buffer {
  const head = JSON.stringify({
    resourceType: 'Bundle',
    identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${randomUUID()}` },
    type: 'document',
    timestamp: new Date(clock.now()).toISOString(),
  })
  const pieces: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"entry":[`)]
  for (const [index, { fullUrl, body }] of entries.entries())
    pieces.push(
      Buffer.from(`${index > 0 ? ',' : ''}{"fullUrl":${JSON.stringify(fullUrl)},"resource":`),
      body,
      Buffer.from('}'),
    )
  pieces.push(Buffer.from(']}'))
  return Buffer.concat(pieces)
}

/** Stored resources as entries, under their addresses here. */
export function storedEntries(rows: readonly OpenedRow[], fhirBase: string): DocumentEntry[] {
  return rows.map(({ row, body }) => ({ fullUrl: `${fhirBase}/${typeName(row.type)}/${idOf(body)}`, body }))
}

/** A resource made for a document, under an address of its own. */
export function madeEntry(resource: { resourceType: string }): DocumentEntry {
  const id = randomUUID()
  const { resourceType, ...rest } = resource
  return { fullUrl: `urn:uuid:${id}`, body: Buffer.from(JSON.stringify({ resourceType, id, ...rest })) }
}
