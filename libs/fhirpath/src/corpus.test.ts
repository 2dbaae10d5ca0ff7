import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { elements, fhirJson, readXml, type XmlElement } from './corpus.fixture.ts'
import { applyFhirPathPatch } from './patch.ts'
import { FhirPathPatchError } from './patch-error.ts'
import { r4Subset } from './r4-subset.fixture.ts'

/** The test corpora stand beside the repository and are never part of it. The FHIRPath suite: npm run conformance. */
const CORPORA = fileURLToPath(new URL('../../../../shared/corpora/', import.meta.url))
const PATCH_SUITE = `${CORPORA}fhir-test-cases/r4/patch/fhir-patch-tests.xml`

test('the FHIRPath Patch suite of FHIR R4 passes', (t) => {
  if (!existsSync(PATCH_SUITE)) return t.diagnostic('skipped: corpora absent')
  const failed: string[] = []
  const cases = elements(readXml(readFileSync(PATCH_SUITE, 'utf8')), 'case')
  for (const each of cases) if (!patchPasses(each)) failed.push(each.attributes.name ?? '')
  t.diagnostic(`${cases.length - failed.length} of ${cases.length} passed`)
  assert.deepEqual(failed, [])
})

function patchPasses(each: XmlElement): boolean {
  const [input, diff, output] = ['input', 'diff', 'output'].map((name) => {
    const holder = elements(each, name)[0]
    const element = holder && elements(holder)[0]
    return element && fhirJson(element)
  })
  const before = JSON.stringify(input)
  try {
    const result = applyFhirPathPatch(input as object, diff, { model: r4Subset })
    assert.equal(JSON.stringify(input), before, 'the input is not changed')
    return output !== undefined && comparable(result) === comparable(output)
  } catch (error) {
    if (!(error instanceof FhirPathPatchError)) throw error
    return elements(each, 'error').length > 0
  }
}

/** JSON with sorted keys; runs of white space, in the narrative too, count as one blank. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (_key, member) => {
    if (typeof member === 'string') return member.replace(/\s+/g, ' ').trim()
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
