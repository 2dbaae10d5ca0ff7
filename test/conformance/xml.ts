import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createXmlReader, FhirXmlError, fhirXml } from '@salus/fhir-xml'
import { elements, readXml, type XmlElement } from '../../libs/fhirpath/src/corpus.fixture.ts'
import type { Json, TestClient } from '../fixtures/server.ts'
import { difference } from './exact-json.ts'
import { type Case, failed, inLanes, passed, type Suite } from './suite.ts'

/** Requests at once: the machine has two cores. */
const LANES = 4
const EXAMPLES = 'hl7-r4-examples'
const US_CORE = 'us-core-examples'
const VALIDATOR = 'fhir-test-cases/validator'
const PATCHES = 'fhir-test-cases/r4/patch'
const V2_BUNDLES = 'hl7v2/hl7-v2-to-fhir-ig/samples/fhir-bundles'
const XML = { 'content-type': 'application/fhir+xml', accept: 'application/fhir+xml' }

/** XML in and out, through the library and through the server. */
export const xml: Suite = {
  name: 'xml',
  proves:
    'Each JSON example of FHIR R4 and US Core 9.0.0 becomes XML and the same JSON again, decimals as text; what the server accepts as JSON it stores from ' +
    'that XML, and reading it as XML and as JSON gives the same. Each XML resource of the corpora is read, written and read again the same.',
  folders: [EXAMPLES, US_CORE, VALIDATOR, PATCHES, V2_BUNDLES],
  async *run(server, corpora) {
    const client = await server.client()
    for (const folder of [EXAMPLES, US_CORE]) {
      const files = filesOf(corpora, folder, '.json')
      yield* inLanes(files, LANES, (file) => roundTrip(client, `${folder}/${file}`, read(corpora, folder, file)))
    }
    for (const folder of [VALIDATOR, V2_BUNDLES])
      for (const file of filesOf(corpora, folder, '.xml'))
        yield fromXml(`${folder}/${file}`, read(corpora, folder, file).toString())
    yield* patchCases(read(corpora, PATCHES, 'fhir-patch-tests.xml').toString())
  },
}

function filesOf(corpora: string, folder: string, ending: string): string[] {
  return readdirSync(join(corpora, folder))
    .filter((file) => file.endsWith(ending))
    .sort()
}

function read(corpora: string, folder: string, file: string): Buffer {
  return readFileSync(join(corpora, folder, file))
}

async function roundTrip(client: TestClient, name: string, bytes: Buffer): Promise<Case> {
  const text = bytes.toString()
  const resource = JSON.parse(text) as { resourceType?: string; id?: string }
  if (resource.resourceType === undefined) return { name, outcome: 'skipped', reason: 'it is no resource' }
  const sent = xmlOf(text)
  const place = difference(text, jsonOf(sent))
  if (place !== undefined) return failed(name, `differs at ${place}`)
  const path = `${resource.resourceType}/${resource.id}`
  if ((await client.put(path, bytes)).status >= 300) return passed(name, 'by the library; refused as JSON too')
  const written = await client.put(path, sent, XML)
  if (written.status >= 300) return failed(name, `stored from JSON, but as XML answered ${written.status}`)
  const [json, answer] = [await client.get(path), await client.get(path, { accept: 'application/fhir+xml' })]
  const stored = difference(text, json.text) ?? difference(json.text, jsonOf(answer.text))
  return stored === undefined ? passed(name) : failed(name, `the server's differs at ${stored}`)
}

function fromXml(name: string, text: string): Case {
  try {
    const json = jsonOf(text)
    const place = difference(json, jsonOf(xmlOf(json)))
    return place === undefined ? passed(name) : failed(name, `differs at ${place}`)
  } catch (error) {
    if (!(error instanceof FhirXmlError)) throw error
    return failed(name, `${error.code} in line ${error.place?.line}: ${error.message}`)
  }
}

/** The resources within the cases of FHIRPath Patch, which are XML within another. */
function* patchCases(text: string): Generator<Case> {
  for (const [place, one] of elements(readXml(text), 'case').entries())
    for (const part of ['input', 'diff', 'output'])
      for (const holder of elements(one, part))
        for (const resource of elements(holder))
          yield fromXml(`${PATCHES}/${one.attributes.name ?? place} ${part}`, serialised(resource, true))
}

function serialised({ name, attributes, children }: XmlElement, isRoot = false): string {
  const given = isRoot ? { xmlns: 'http://hl7.org/fhir', ...attributes } : attributes
  const written = Object.entries(given).map(([key, value]) => ` ${key}="${escaped(value)}"`)
  const inside = children.map((child) => (typeof child === 'string' ? escaped(child) : serialised(child)))
  return `<${name}${written.join('')}>${inside.join('')}</${name}>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

function xmlOf(json: string): string {
  return [...fhirXml(exactly(json))].join('')
}

function exactly(json: string): Json {
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON
  const keep = (_key: string, value: unknown, { source }: { source: string }): unknown =>
    typeof value === 'number' ? raw(source) : value
  return JSON.parse(json, keep as (key: string, value: unknown) => unknown)
}

/** In small pieces, as they may come over a network. */
function jsonOf(text: string): string {
  const reader = createXmlReader({ depthMax: 100, elementsMax: 1_000_000 })
  const bytes = Buffer.from(text)
  let json = ''
  for (let at = 0; at < bytes.length; at += 1_000) json += reader.write(bytes.subarray(at, at + 1_000))
  return json + reader.end()
}
