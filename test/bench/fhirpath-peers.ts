import { evalFhirPathTyped, indexStructureDefinitionBundle, parseFhirPath, toTypedValue } from '@medplum/core'
import { fhirPathModel } from '@salus/fhir-model'
import { compile } from '@salus/fhirpath'
import fhirpath, { type Model } from 'fhirpath'
import r4 from 'fhirpath/fhir-context/r4/index.js'
import { builtInDefinitions } from '../../server/src/record/definitions/index.ts'

/** One engine: `compile` is the work done once for an expression, what it gives is the work done for a resource. */
export interface Engine {
  name: string
  compile(expression: string): (resource: object) => unknown[]
}

/** Ours, and those that TypeScript servers use, each with its own knowledge of R4's types. */
export function engines(): readonly Engine[] {
  indexTypes()
  return [
    { name: 'salus', compile: (expression) => compile(expression, { model: fhirPathModel }) },
    {
      name: 'fhirpath',
      compile: (expression) => {
        const evaluate = fhirpath.compile(expression, r4 as Model)
        return (resource) => evaluate(resource, { resource }) as unknown[]
      },
    },
    {
      name: 'medplum',
      compile: (expression) => {
        const tree = parseFhirPath(expression)
        return (resource) => {
          const input = toTypedValue(resource)
          return evalFhirPathTyped(tree, [input], { '%resource': input }).map(({ value }) => value)
        }
      },
    },
  ]
}

const TYPES = [
  'Resource DomainResource Element BackboneElement Patient Observation HumanName ContactPoint CodeableConcept Coding',
  'Quantity Identifier Reference Period Extension Address Meta string code dateTime date uri boolean decimal integer',
].flatMap((line) => line.split(' '))

/** Medplum navigates by definitions that have been loaded; without them it is slower. */
function indexTypes(): void {
  const source = builtInDefinitions()
  const entry = TYPES.map((type) => ({
    resource: source.find('StructureDefinition', `http://hl7.org/fhir/StructureDefinition/${type}`),
  }))
  indexStructureDefinitionBundle({ resourceType: 'Bundle', type: 'collection', entry } as Parameters<
    typeof indexStructureDefinitionBundle
  >[0])
}
