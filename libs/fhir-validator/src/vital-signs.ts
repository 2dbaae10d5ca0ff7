import { isJson, type Json, objectsOf, textOf } from './definition-source.ts'
import { CORE } from './profiles.ts'

const LOINC = 'http://loinc.org'
const SNOMED = 'http://snomed.info/sct'

/** Codes for which FHIR demands a vital signs profile. Spec: https://hl7.org/fhir/R4/observation-vitalsigns.html#4.1 */
const PROFILES: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    LOINC,
    new Map([
      ['85353-1', 'vitalspanel'],
      ['9279-1', 'resprate'],
      ['8867-4', 'heartrate'],
      ['2708-6', 'oxygensat'],
      ['59408-5', 'oxygensat'],
      ['8310-5', 'bodytemp'],
      ['8302-2', 'bodyheight'],
      ['9843-4', 'headcircum'],
      ['29463-7', 'bodyweight'],
      ['39156-5', 'bmi'],
      ['85354-9', 'bp'],
    ]),
  ],
  [
    SNOMED,
    new Map([
      ['86290005', 'resprate'],
      ['364075005', 'heartrate'],
      ['276885007', 'bodytemp'],
      ['50373000', 'bodyheight'],
      ['27113001', 'bodyweight'],
      ['60621009', 'bmi'],
      ['75367002', 'bp'],
    ]),
  ],
])

/** The canonical of the profile that the codes of an Observation demand. */
export function vitalSignsProfile({ code }: Json): string | undefined {
  if (!isJson(code)) return undefined
  for (const coding of objectsOf(code.coding)) {
    const profile = PROFILES.get(textOf(coding.system))?.get(textOf(coding.code))
    if (profile !== undefined) return CORE + profile
  }
  return undefined
}
