import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { validateResource } from '@salus/fhir-model'
import { type DemoBundle, type DemoResource, demoBundle, SYNTHETIC_TAG } from './index.ts'

const END = '2025-06-30'
const PATIENTS = 150
const bundles = Array.from({ length: PATIENTS }, (_, index) => demoBundle({ seed: 7, index, endDate: END }))
const resources = (bundle: DemoBundle, type: string): DemoResource[] =>
  bundle.entry.map(({ resource }) => resource).filter(({ resourceType }) => resourceType === type)

test('every resource is valid R4', () => {
  for (const [index, bundle] of bundles.entries())
    for (const { resource } of [{ resource: bundle }, ...bundle.entry])
      assert.deepEqual(validateResource(resource).issues, [], `patient ${index}: ${resource.resourceType}`)
})

test('every resource is marked as test data, and nothing but creates is asked for', () => {
  for (const { entry } of bundles)
    for (const { resource, request, fullUrl } of entry) {
      assert.deepEqual(resource['meta'], { tag: [SYNTHETIC_TAG] })
      assert.equal(request.method, 'POST')
      assert.equal(request.url, resource.resourceType)
      assert.match(fullUrl, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
})

test('the same options give the same bytes', () => {
  const text = JSON.stringify(demoBundle({ seed: 7, index: 3, endDate: END }))
  assert.equal(text, JSON.stringify(bundles[3]))
  assert.equal(createHash('sha256').update(text).digest('hex').slice(0, 16), '0c48a0f7d5f14607')
})

test('another seed or index is another person, and no uuid comes twice', () => {
  const urls = [...bundles, demoBundle({ seed: 8, index: 0, endDate: END })].flatMap(({ entry }) =>
    entry.map(({ fullUrl }) => fullUrl),
  )
  assert.equal(new Set(urls).size, urls.length)
})

test('a patient has 100 to 250 entries and each kind of resource', () => {
  for (const { entry } of bundles) assert.ok(entry.length >= 100 && entry.length <= 250, String(entry.length))
  const seen = new Set(bundles.flatMap(({ entry }) => entry.map(({ resource }) => resource.resourceType)))
  assert.deepEqual([...seen].sort(), [
    'AllergyIntolerance',
    'Condition',
    'DiagnosticReport',
    'DocumentReference',
    'Encounter',
    'Immunization',
    'MedicationRequest',
    'Observation',
    'Organization',
    'Patient',
    'Practitioner',
    'Procedure',
  ])
})

test('every reference names an entry of the bundle', () => {
  for (const bundle of bundles) {
    const urls = new Set(bundle.entry.map(({ fullUrl }) => fullUrl))
    assert.equal(urls.size, bundle.entry.length)
    for (const [, reference] of JSON.stringify(bundle).matchAll(/"reference":"([^"]*)"/g))
      assert.ok(urls.has(reference ?? ''), reference)
  }
})

test('organizations and practitioners are created once for all patients', () => {
  for (const { entry } of bundles)
    for (const { resource, request } of entry) {
      const isShared = resource.resourceType === 'Organization' || resource.resourceType === 'Practitioner'
      assert.equal(request.ifNoneExist !== undefined, isShared)
      if (isShared)
        assert.match(request.ifNoneExist ?? '', /^identifier=http%3A%2F%2Fexample\.org%2F[\w%.-]+%7C[\w-]+$/)
    }
})

test('nothing happens before birth or after the end', () => {
  for (const bundle of bundles) {
    const birth = String(resources(bundle, 'Patient')[0]?.['birthDate'])
    const clinical = bundle.entry.filter(({ resource }) => resource.resourceType !== 'MedicationRequest')
    for (const [day] of JSON.stringify(clinical).matchAll(/(?<=")\d{4}-\d\d-\d\d/g))
      assert.ok(day >= birth && day <= '2025-07-08', day)
  }
})

test('treatment lowers blood pressure and haemoglobin A1c', () => {
  for (const [disease, code] of [
    ['59621000', '8480-6'],
    ['44054006', '4548-4'],
  ] as const) {
    const changes = bundles.flatMap((bundle) => changeAfterDiagnosis(bundle, disease, code))
    assert.ok(changes.length >= 5, `${changes.length} diagnoses with later values`)
    const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length
    assert.ok(mean < 0, `${code} changes by ${mean} on average`)
  }
})

test('nobody allergic to penicillin is given it, and no statin is taken twice', () => {
  for (const bundle of bundles) {
    const isAllergic = resources(bundle, 'AllergyIntolerance').some((one) => codeOf(one['code']) === '91936005')
    const drugs = resources(bundle, 'MedicationRequest')
    if (isAllergic) assert.ok(!drugs.some((one) => codeOf(one['medicationCodeableConcept']) === '308182'))
    const statins = drugs.filter(
      (one) => one['status'] === 'active' && /statin/.test(JSON.stringify(one['medicationCodeableConcept'])),
    )
    assert.ok(statins.length <= 1)
  }
})

test('options out of range are refused', () => {
  assert.throws(() => demoBundle({ seed: 0.5, index: 0, endDate: END }), RangeError)
  assert.throws(() => demoBundle({ seed: 1, index: -1, endDate: END }), RangeError)
  for (const endDate of ['2025-02-30', '30.06.2025', '', '2025-06-30T00:00:00Z'])
    assert.throws(() => demoBundle({ seed: 1, index: 0, endDate }), RangeError)
})

/** Last value minus the one taken at the diagnosis or soon after, for diagnoses inside the story. */
function changeAfterDiagnosis(bundle: DemoBundle, disease: string, code: string): number[] {
  const condition = resources(bundle, 'Condition').find(
    (one) => codeOf(one['code']) === disease && one['encounter'] !== undefined,
  )
  if (!condition) return []
  const since = String(condition['recordedDate']).slice(0, 10)
  const values = resources(bundle, 'Observation')
    .filter((one) => String(one['effectiveDateTime']) >= since)
    .sort((a, b) => String(a['effectiveDateTime']).localeCompare(String(b['effectiveDateTime'])))
    .flatMap((one) => [one, ...((one['component'] as DemoResource[] | undefined) ?? [])])
    .filter((one) => codeOf(one['code']) === code)
    .map((one) => (one['valueQuantity'] as { value: number }).value)
  return values.length < 2 ? [] : [(values.at(-1) as number) - (values[0] as number)]
}

function codeOf(concept: unknown): string | undefined {
  return (concept as { coding: { code: string }[] } | undefined)?.coding[0]?.code
}
