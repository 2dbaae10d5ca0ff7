import { RESOURCE_TYPES } from '@salus/fhir-model'
import { createValidator, type Definition, type Validator } from '@salus/fhir-validator'
import { memoryTerminology } from '../../server/src/record/terminology/index.ts'
import { US_CORE_DEFINITIONS } from '../bench/us-core-patient.ts'
import { usCorePatients } from '../bench/us-core-patients.ts'
import { bloodPressures, documentOf } from '../bench/validate-data.ts'
import { definitionsWith } from '../fixtures/definitions.ts'
import type { Json } from '../fixtures/server.ts'
import type { Chance } from './chance.ts'
import { mutated } from './mutate.ts'
import { SAMPLES } from './samples.ts'
import type { Target } from './target.ts'

/** The last one says that there are more. */
const ISSUES_MAX = 501

const URL = 'http://fuzz.example/'
const QUESTIONNAIRE: Definition = {
  resourceType: 'Questionnaire',
  url: `${URL}form`,
  status: 'active',
  item: [
    {
      linkId: 'g',
      type: 'group',
      item: [
        { linkId: 'a', type: 'boolean', required: true },
        {
          linkId: 'b',
          type: 'quantity',
          enableWhen: [{ question: 'a', operator: '=', answerBoolean: true }],
          extension: [
            { url: 'http://hl7.org/fhir/StructureDefinition/minValue', valueQuantity: { value: 1, code: 'kg' } },
          ],
        },
        { linkId: 'c', type: 'choice', answerOption: [{ valueCoding: { system: URL, code: 'x' } }] },
      ],
    },
  ],
}
const RESPONSE = {
  resourceType: 'QuestionnaireResponse',
  questionnaire: `${URL}form`,
  status: 'completed',
  item: [
    {
      linkId: 'g',
      item: [
        { linkId: 'a', answer: [{ valueBoolean: true }] },
        { linkId: 'b', answer: [{ valueQuantity: { value: 2, code: 'kg', system: 'http://unitsofmeasure.org' } }] },
        { linkId: 'c', answer: [{ valueCoding: { system: URL, code: 'x' } }] },
      ],
    },
  ],
}

/** A profile with one of everything that a compiler reads. */
const PROFILE: Definition = {
  resourceType: 'StructureDefinition',
  url: `${URL}profile`,
  type: 'Observation',
  derivation: 'constraint',
  baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Observation',
  differential: {
    element: [
      { path: 'Observation', constraint: [{ key: 'f-1', severity: 'error', human: 'x', expression: 'code.exists()' }] },
      {
        path: 'Observation.component',
        slicing: { discriminator: [{ type: 'value', path: 'code.coding.code' }], rules: 'closed', ordered: true },
      },
      { id: 'Observation.component:a', path: 'Observation.component', sliceName: 'a', min: 1, max: '1' },
      {
        id: 'Observation.component:a.code',
        path: 'Observation.component.code',
        patternCodeableConcept: { coding: [{ code: '8480-6' }] },
      },
      { id: 'Observation.component:b', path: 'Observation.component', sliceName: 'b' },
      {
        id: 'Observation.component:b.code.coding.code',
        path: 'Observation.component.code.coding.code',
        fixedCode: '8462-4',
      },
      { path: 'Observation.valueQuantity', min: 0, maxValueQuantity: { value: 3, code: 'kg' } },
      {
        path: 'Observation.subject',
        type: [{ code: 'Reference', targetProfile: [`${URL}profile`], aggregation: ['bundled'] }],
      },
      { path: 'Observation.status', binding: { strength: 'required', valueSet: `${URL}codes` }, fixedCode: 'final' },
      {
        path: 'Observation.note.text',
        maxLength: 5,
        extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/regex', valueString: '(a*)*b' }],
      },
    ],
  },
}
const CODES: Definition = {
  resourceType: 'ValueSet',
  url: `${URL}codes`,
  compose: { include: [{ valueSet: [`${URL}codes`] }, { system: URL, concept: [{ code: 'final' }] }] },
}

const RESOURCES: readonly Json[] = [...SAMPLES, RESPONSE, ...usCorePatients(1), ...bloodPressures(1), documentOf(4)]
const DEFINITIONS = [...US_CORE_DEFINITIONS, QUESTIONNAIRE, PROFILE, CODES]

export function validatorTargets(): Target[] {
  const known = validatorOver(DEFINITIONS)
  return [
    { name: 'profile validation', run: (chance) => check(chance, known, mutated(chance, chance.pick(RESOURCES))) },
    {
      name: 'profiles',
      run(chance) {
        const wrong = chance.pick([PROFILE, PROFILE, QUESTIONNAIRE, CODES, ...US_CORE_DEFINITIONS])
        const changed = mutated(chance, wrong) as Definition | null
        if (typeof changed !== 'object' || changed === null) return
        const validator = validatorOver([changed, ...DEFINITIONS.filter((one) => one !== wrong)])
        for (const resource of RESOURCES) check(chance, validator, resource)
        // The definition itself is a resource that somebody may send.
        check(chance, known, changed)
      },
    },
  ]
}

function validatorOver(definitions: readonly Definition[]): Validator {
  const source = definitionsWith(definitions)
  return createValidator({ definitions: source, terminology: memoryTerminology(source) })
}

function check(chance: Chance, validator: Validator, resource: Json): void {
  const before = JSON.stringify(resource)
  const { issues } = validator.validate(resource, {
    now: 0,
    profiles: chance.once(3) ? [`${URL}profile`] : [],
    references: chance.pick(['ignore', 'check']),
    unknownExtensions: chance.pick(['error', 'warning', 'ignore']),
    securityChecks: chance.once(2),
    exampleUrls: chance.once(2),
  })
  if (issues.length > ISSUES_MAX) throw new Error(`${issues.length} issues`)
  for (const { expression } of issues)
    if (!RESOURCE_TYPES.includes(expression.split('.')[0] ?? '') && !expression.startsWith('Resource'))
      throw new Error(`a place in nothing: ${expression.slice(0, 100)}`)
  if (JSON.stringify(resource) !== before) throw new Error('validation changed its input')
}
