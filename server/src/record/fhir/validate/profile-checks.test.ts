import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInDefinitions } from '#definitions'
import { FaultError } from '#kernel'
import { type ProfileCheckParts, profileChecks } from './profile-checks.ts'

const builtIn = builtInDefinitions()
const ENDLESS = 'http://example.org/StructureDefinition/endless'

/** Definitions of which one is never found out. */
function parts(forget: () => void): ProfileCheckParts {
  return {
    definitions: {
      revision: 1,
      find(type, canonical) {
        if (canonical !== ENDLESS) return builtIn.find(type, canonical)
        for (;;);
      },
      versions: (type, url) => builtIn.versions(type, url),
      all: (type) => builtIn.all(type),
      refresh: () => Promise.resolve(),
      close: () => Promise.resolve(),
      forget,
    },
    terminology: { checkNow: () => undefined, check: () => assert.fail('no code is open') },
    stampOf: () => Promise.resolve(undefined),
    fetch: () => () => assert.fail('nothing is stored'),
    shelf: () => ({}) as ReturnType<ProfileCheckParts['shelf']>,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
  }
}

const faultOf =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof FaultError && error.fault.code === code

test('a check that goes on beyond its time is stopped, its tenant waits a while, and nobody else does', async () => {
  let forgotten = 0
  const checks = profileChecks(parts(() => forgotten++))
  const patient = { resourceType: 'Patient' }
  const [mine, others] = [await checks.of(1), await checks.of(2)]
  const stopped = mine(patient, { profiles: [ENDLESS] })
  // It comes to its turn when the first one has been stopped.
  const behind = mine(patient, {})
  await assert.rejects(stopped, faultOf('fhir.validate.too-costly'))
  await assert.rejects(behind, faultOf('fhir.validate.paused'))
  assert.ok(Array.isArray(await others(patient, {})))
  await assert.rejects(mine(patient, {}), faultOf('fhir.validate.paused'))
  // What was stopped in the middle may have counted wrong.
  assert.equal(forgotten, 1)
})
