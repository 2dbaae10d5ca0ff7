import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CodeCheck } from '@salus/fhir-validator'
import { builtInDefinitions, type Definitions } from '#definitions'
import { Library, requestShelf } from '../engine/library.ts'
import type { Json } from '../engine/resources.ts'
import { specialShelf } from '../special/special-shelf.ts'
import { definitionShelf } from '../systems/definition-shelf.ts'
import { checkLater } from './check-later.ts'
import { checkNow } from './check-now.ts'

const source = builtInDefinitions()
const definitions: Definitions = {
  find: (type, canonical) => source.find(type, canonical),
  versions: (type, url) => source.versions(type, url),
  all: (type) => source.all(type),
  revision: 0,
  refresh: () => Promise.resolve(),
  close: () => Promise.resolve(),
}
const now = checkNow(definitions, (system) => system === 'http://loinc.org')
const R4 = 'http://hl7.org/fhir/ValueSet/'
const bare = (valueSet: string, code: string): CodeCheck => ({ valueSet, codings: [{ code }], systemImplied: true })
const coded = (valueSet: string, system: string, code: string, display?: string): CodeCheck => ({
  valueSet,
  codings: [{ system, code, ...(display === undefined ? {} : { display }) }],
  systemImplied: false,
})

test('a code of an enumerated value set is answered at once', () => {
  assert.deepEqual(now(bare(`${R4}administrative-gender|4.0.1`, 'female')), { inValueSet: true })
  assert.deepEqual(now(bare(`${R4}administrative-gender|4.0.1`, 'Female')), { inValueSet: false })
  assert.deepEqual(now(bare(`${R4}observation-status`, 'final')), { inValueSet: true })
})

test('units, languages, media types and currencies are answered at once', () => {
  assert.equal(now(bare(`${R4}mimetypes|4.0.1`, 'application/fhir+json'))?.inValueSet, true)
  assert.equal(now(bare(`${R4}mimetypes|4.0.1`, 'fhir'))?.inValueSet, false)
  assert.equal(now(bare(`${R4}currencies|4.0.1`, 'CHF'))?.inValueSet, true)
  assert.equal(now(bare(`${R4}currencies|4.0.1`, 'XXQ'))?.inValueSet, false)
  assert.equal(now(bare(`${R4}languages`, 'de-CH'))?.inValueSet, true)
  assert.equal(now(coded(`${R4}ucum-units`, 'http://unitsofmeasure.org', 'mg/dL'))?.inValueSet, true)
})

test('a code that is none and a wrong display are told', () => {
  const system = 'http://terminology.hl7.org/CodeSystem/observation-category'
  assert.deepEqual(now(coded(`${R4}observation-category`, system, 'laboratory', 'Laboratory')), { inValueSet: true })
  assert.deepEqual(now(coded(`${R4}observation-category`, system, 'laboratory', 'Vital')), {
    inValueSet: true,
    codings: [{ problem: 'wrong-display', display: 'Laboratory' }],
  })
  assert.deepEqual(now(coded(`${R4}observation-category`, system, 'nonsense')), {
    inValueSet: false,
    codings: [{ problem: 'unknown-code' }],
  })
})

test('what lies elsewhere is not guessed at: unknown value sets, large systems, systems of the tenant', () => {
  assert.equal(now(bare('http://example.org/none', 'x')), undefined)
  assert.equal(now(coded(`${R4}observation-codes`, 'http://loinc.org', '8867-4')), undefined)
  assert.equal(now(coded(`${R4}condition-code`, 'http://snomed.info/sct', '404684003')), undefined)
})

const mine: Json[] = [
  {
    resourceType: 'CodeSystem',
    url: 'http://example.org/cs',
    content: 'complete',
    concept: [{ code: 'a', display: 'Alpha' }],
  },
  {
    resourceType: 'ValueSet',
    url: 'http://example.org/vs',
    compose: {
      include: [
        { system: 'http://example.org/cs' },
        { system: 'http://snomed.info/sct', concept: [{ code: '404684003' }] },
        { system: 'http://www.nlm.nih.gov/research/umls/rxnorm' },
      ],
    },
  },
]
const library = new Library(requestShelf([]), [requestShelf(mine), definitionShelf(definitions), specialShelf])
const later = (check: CodeCheck) => checkLater(library, check)

test('later the tenant’s own terminology answers too', async () => {
  const vs = 'http://example.org/vs'
  assert.deepEqual(await later(coded(vs, 'http://example.org/cs', 'a')), { inValueSet: true })
  assert.deepEqual(await later(bare(vs, 'a')), { inValueSet: true })
  assert.deepEqual(await later(coded(vs, 'http://example.org/cs', 'a', 'Beta')), {
    inValueSet: true,
    codings: [{ problem: 'wrong-display', display: 'Alpha' }],
  })
  assert.deepEqual(await later(coded(vs, 'http://example.org/cs', 'b')), {
    inValueSet: false,
    codings: [{ problem: 'unknown-code' }],
  })
})

test('a code system that is not here leaves a list decided and the rest unknown', async () => {
  const vs = 'http://example.org/vs'
  const unknown = { codings: [{ problem: 'unknown-system' }] }
  assert.deepEqual(await later(coded(vs, 'http://snomed.info/sct', '404684003')), { inValueSet: true, ...unknown })
  assert.deepEqual(await later(coded(vs, 'http://snomed.info/sct', '1')), { inValueSet: false, ...unknown })
  assert.deepEqual(await later(coded(vs, 'http://www.nlm.nih.gov/research/umls/rxnorm', '1')), {
    inValueSet: 'unknown',
    reason: 'system-unknown',
    ...unknown,
  })
  assert.deepEqual(await later(coded('http://example.org/none', 'http://example.org/cs', 'a')), {
    inValueSet: 'unknown',
    reason: 'value-set-unknown',
  })
})
