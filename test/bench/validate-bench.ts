import { validateResource } from '@salus/fhir-model'
import { createValidator, type Validator } from '@salus/fhir-validator'
import type { DefinitionSource } from '../../server/src/record/definitions/index.ts'
import { memoryTerminology } from '../../server/src/record/terminology/index.ts'
import { definitionsWith } from '../fixtures/definitions.ts'
import type { Bench } from './bench.ts'
import { median } from './median.ts'
import { US_CORE_DEFINITIONS } from './us-core-patient.ts'
import { usCorePatients } from './us-core-patients.ts'
import { bloodPressures, documentOf } from './validate-data.ts'

/** Rounds in which the loads take turns, so that what else the machine does strikes all of them alike. */
const ROUNDS = 5
const COPIES = 1_000
/** Narrative is best practice, not a fault: with it no issue is made, as of most resources. */
const OPTIONS = { bestPractice: 'ignore', now: 0 } as const

/** Resources per second and core that are checked against profiles in process, after the profiles were compiled. */
export const validateBench: Bench = {
  names: ['validate'],
  run({ sizes, report }) {
    const patients = usCorePatients(COPIES)
    const definitions = definitionsWith(US_CORE_DEFINITIONS)
    const began = performance.now()
    const validator = validatorOver(definitions)
    mustBeValid(validator, patients.slice(0, 1))
    const firstMs = performance.now() - began
    const pressures = bloodPressures(COPIES)
    const bare = validatorOver(changed(definitions, withoutConstraints))
    const small = documentOf(1_000)
    const large = documentOf(10_000)
    mustBeValid(validator, [...patients, ...pressures, small, large])
    const [profile, noInvariants, structure, pressure, smallBundle, largeBundle] = inTurns(
      [
        () => eachOf(patients, (one) => validator.validate(one, OPTIONS)),
        () => eachOf(patients, (one) => bare.validate(one, OPTIONS)),
        () => eachOf(patients, validateResource),
        () => eachOf(pressures, (one) => validator.validate(one, OPTIONS)),
        () => eachOf([small], (one) => validator.validate(one, OPTIONS)),
        () => eachOf([large], (one) => validator.validate(one, OPTIONS)),
      ],
      sizes.seconds * 50,
    ) as [number, number, number, number, number, number]
    report({
      bench: 'validate',
      figures: {
        perSecond: profile,
        'bloodPressure.perSecond': pressure,
        'structure.perSecond': structure,
        invariantsUs: Math.max(0, 1e6 / profile - 1e6 / noInvariants),
        firstMs,
        'bundle1000.entriesPerSecond': smallBundle * 1_000,
        'bundle10000.entriesPerSecond': largeBundle * 10_000,
      },
    })
    return Promise.resolve()
  },
}

function eachOf(resources: readonly object[], check: (resource: object) => unknown): number {
  for (const resource of resources) check(resource)
  return resources.length
}

/** A fast answer to a broken fixture would be no figure. */
function mustBeValid(validator: Validator, resources: readonly object[]): void {
  for (const resource of resources) {
    const [issue] = validator.validate(resource, OPTIONS).issues
    if (issue !== undefined) throw new Error(`${issue.expression}: ${issue.text}`)
  }
}

/** Resources per second of each, from the median of its rounds. */
function inTurns(loads: readonly (() => number)[], roundMs: number): number[] {
  for (const load of loads) perSecond(load, roundMs)
  const rounds = loads.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round++) loads.forEach((load, at) => rounds[at]?.push(perSecond(load, roundMs)))
  return rounds.map(median)
}

function perSecond(load: () => number, roundMs: number): number {
  const start = performance.now()
  let done = 0
  let elapsed = 0
  while (elapsed < roundMs) {
    done += load()
    elapsed = performance.now() - start
  }
  return (done * 1_000) / elapsed
}

type Found = ReturnType<DefinitionSource['find']>

function validatorOver(definitions: DefinitionSource): Validator {
  return createValidator({ definitions, terminology: memoryTerminology(definitions) })
}

function changed(definitions: DefinitionSource, change: (found: Found) => Found): DefinitionSource {
  return { ...definitions, find: (type, canonical) => change(definitions.find(type, canonical)) }
}

function withoutConstraints(found: Found): Found {
  if (found?.resourceType !== 'StructureDefinition') return found
  return JSON.parse(JSON.stringify(found, (key, value: unknown) => (key === 'constraint' ? undefined : value))) as Found
}
