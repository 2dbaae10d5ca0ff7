import { isBuiltInSubtype, type TypeModel } from './type-model.ts'

/** The few elements of R4 that the tests of this library navigate: `name:type`, with `*` for a list. */
const ELEMENTS: Record<string, string> = {
  Resource: 'id:id meta:Meta language:code',
  DomainResource: 'text:Narrative contained:Resource* extension:Extension* modifierExtension:Extension*',
  Patient:
    'identifier:Identifier* active:boolean name:HumanName* telecom:ContactPoint* gender:code birthDate:date address:Address* maritalStatus:CodeableConcept contact:Patient.contact* generalPractitioner:Reference* managingOrganization:Reference link:Patient.link*',
  'Patient.contact': 'relationship:CodeableConcept* name:HumanName telecom:ContactPoint* gender:code',
  'Patient.link': 'other:Reference type:code',
  Observation:
    'identifier:Identifier* status:code category:CodeableConcept* code:CodeableConcept subject:Reference encounter:Reference issued:instant interpretation:CodeableConcept* note:Annotation* referenceRange:Observation.referenceRange* component:Observation.component*',
  'Observation.component': 'code:CodeableConcept',
  'Observation.referenceRange': 'low:Quantity high:Quantity text:string',
  Element: 'id:string extension:Extension*',
  Extension: 'url:uri',
  HumanName: 'use:code text:string family:string given:string* prefix:string* suffix:string* period:Period',
  Identifier: 'use:code type:CodeableConcept system:uri value:string period:Period assigner:Reference',
  ContactPoint: 'system:code value:string use:code rank:positiveInt period:Period',
  Address:
    'use:code type:code text:string line:string* city:string district:string state:string postalCode:string period:Period',
  CodeableConcept: 'coding:Coding* text:string',
  Coding: 'system:uri version:string code:code display:string userSelected:boolean',
  Period: 'start:dateTime end:dateTime',
  Quantity: 'value:decimal comparator:code unit:string system:uri code:code',
  Reference: 'reference:string type:uri identifier:Identifier display:string',
  Narrative: 'status:code div:xhtml',
  Meta: 'versionId:id lastUpdated:instant profile:canonical* tag:Coding*',
  Parameters: 'parameter:Parameters.parameter*',
  'Parameters.parameter': 'name:string resource:Resource part:Parameters.parameter*',
}

const OPEN_TYPES =
  'string boolean integer decimal code date dateTime time instant uri uuid Quantity Age Duration CodeableConcept Coding Reference Period Range'
const CHOICES: Record<string, Record<string, string>> = {
  Patient: { deceased: 'boolean dateTime', multipleBirth: 'boolean integer' },
  Observation: { value: 'Quantity CodeableConcept string boolean integer Range', effective: 'dateTime Period instant' },
  'Observation.component': { value: 'Quantity CodeableConcept string boolean integer Range' },
  Extension: { value: OPEN_TYPES },
  'Parameters.parameter': { value: OPEN_TYPES },
}

function parentOf(type: string): string | undefined {
  if (type === 'Patient' || type === 'Observation') return 'DomainResource'
  if (type === 'DomainResource' || type === 'Parameters') return 'Resource'
  if (type.includes('.')) return 'BackboneElement'
  if (type === 'Age' || type === 'Duration') return 'Quantity'
  return type === 'Resource' || type === 'Element' ? undefined : 'Element'
}

/** A type model of that subset. */
export const r4Subset: TypeModel = {
  child(typePath, name) {
    for (let type: string | undefined = typePath; type !== undefined; type = parentOf(type)) {
      for (const element of (ELEMENTS[type] ?? '').split(' ')) {
        const [key, elementType] = element.split(':') as [string, string]
        if (key === name) return { type: elementType.replace('*', ''), list: elementType.endsWith('*') }
      }
      const types = new Map(Object.entries(CHOICES[type] ?? {})).get(name)?.split(' ')
      if (types !== undefined) {
        const choiceOf = types.map(
          (choice) => [name + choice.charAt(0).toUpperCase() + choice.slice(1), choice] as const,
        )
        return { type: '', choiceOf, list: false }
      }
    }
    return undefined
  },
  isSubtype(type, ancestor) {
    if (isBuiltInSubtype(type, ancestor)) return true
    for (let at: string | undefined = type; at !== undefined; at = parentOf(at)) if (at === ancestor) return true
    return false
  },
  hasType: (name) => !name.endsWith('1'),
}
