import { isDeepStrictEqual } from 'node:util'
import { validateResource } from '@salus/fhir-model'
import { createXmlReader, FhirXmlError, fhirXml } from '@salus/fhir-xml'
import type { Json, TestClient } from '../fixtures/server.ts'
import type { Chance } from './chance.ts'
import { AWKWARD, mangled, mutated } from './mutate.ts'
import { SAMPLES } from './samples.ts'
import type { Target } from './target.ts'

const MARKS: readonly string[] = [
  '<',
  '>',
  '/>',
  '</',
  '&',
  '&lt;',
  '&#0;',
  '&#x10ffff;',
  '&nbsp;',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?xml version="1.1"?>',
  '<?x?>',
  '<!DOCTYPE x [<!ENTITY y "z">]>',
  ' xmlns=""',
  ' xmlns:x="http://hl7.org/fhir"',
  '<x:id value="a"/>',
  '<div xmlns="http://www.w3.org/1999/xhtml"/>',
  '<extension url="u"><valueString value="v"/></extension>',
  '<contained><Patient/></contained>',
  '\r',
  '\r\n',
  '🩺',
]

/** What the reader makes of anything, and whether what is written comes back. */
export const xmlTargets: readonly Target[] = [
  { name: 'XML text', run: readText },
  { name: 'XML of a resource', run: writeResource },
]

/** The whole way of an XML request and its answer. */
export function xmlServerTarget(client: TestClient): Target {
  return {
    name: 'XML body',
    run: async (chance) => {
      const headers = { 'content-type': 'application/fhir+xml', ...(chance.once(2) ? { accept: 'text/xml' } : {}) }
      const answer = await client.post('Patient', garbled(chance, xmlOf(SAMPLES[0])), headers)
      if (answer.status >= 500) throw new Error(`answered ${answer.status}: ${answer.text.slice(0, 300)}`)
      if (!answer.headers.get('content-type')?.startsWith('application/fhir+xml'))
        throw new Error('not answered as XML')
    },
  }
}

function readText(chance: Chance): void {
  const bytes = garbled(chance, xmlOf(chance.pick(SAMPLES)))
  const whole = readIn(bytes, 65_536)
  if (readIn(bytes, chance.below(50) + 1) !== whole) throw new Error('pieces are read otherwise than the whole')
  if (whole !== undefined) validateResource(JSON.parse(whole))
}

function writeResource(chance: Chance): void {
  const resource = mutated(chance, chance.pick(SAMPLES))
  // Only what is valid is stored and written.
  if (validateResource(resource).issues.length > 0) return
  let xml: string
  try {
    xml = xmlOf(resource)
  } catch (error) {
    if (error instanceof FhirXmlError && error.code === 'not-representable') return
    throw error
  }
  const json = readIn(Buffer.from(xml), 1_000)
  if (json === undefined) throw new Error('what was written cannot be read')
  if (!isDeepStrictEqual(JSON.parse(json), JSON.parse(JSON.stringify(resource))))
    throw new Error('it came back changed')
}

/** Undefined when it is refused. */
function readIn(bytes: Buffer, pieceBytes: number): string | undefined {
  const reader = createXmlReader({ depthMax: 100, elementsMax: 100_000 })
  let json = ''
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) json += reader.write(bytes.subarray(at, at + pieceBytes))
    return json + reader.end()
  } catch (error) {
    if (error instanceof FhirXmlError) return undefined
    throw error
  }
}

function garbled(chance: Chance, xml: string): Buffer {
  if (chance.once(3)) return mangled(chance, xml)
  let text = xml
  for (let changes = chance.below(4) + 1; changes > 0; changes--) {
    const at = chance.below(text.length + 1)
    const until = chance.once(2) ? at : at + chance.below(30)
    text = text.slice(0, at) + chance.pick(chance.once(4) ? AWKWARD : MARKS) + text.slice(until)
  }
  return Buffer.from(text)
}

function xmlOf(resource: Json): string {
  return [...fhirXml(resource)].join('')
}
