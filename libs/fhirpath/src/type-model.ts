/** What a type model says about one child element. */
export interface ChildElement {
  /** FHIR type (`HumanName`, `code`) or, for an element without a type of its own, its path (`Patient.contact`). */
  type: string
  /** For a choice (`value[x]`): every JSON key it can have with the type it then has. */
  choiceOf?: readonly (readonly [jsonKey: string, type: string])[]
  list: boolean
}

/** Knowledge of FHIR's types, injected into `compile`. Lookups are cached per step, so they may be slow. */
export interface TypeModel {
  /**
   * The element `name` of a type or path; undefined when there is none.
   * A name is the name in FHIRPath: `value`, not `valueQuantity`. The type `Resource` stands for any resource.
   */
  child(typePath: string, name: string): ChildElement | undefined
  /** Whether `type` is `ancestor` or is derived from it; a path counts as a `BackboneElement` (or `Element`). */
  isSubtype(type: string, ancestor: string): boolean
  /** Whether a type of this name exists. When given, `is`, `as` and `ofType` refuse names that do not exist. */
  hasType?(name: string): boolean
}

/** Types a choice element can have, for finding `valueQuantity` from `value` where no model is given. */
const CHOICE_TYPES = [
  'base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string time',
  'unsignedInt uri url uuid Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance',
  'Duration HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing',
  'ContactDetail Contributor DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition',
  'UsageContext Dosage Meta',
].flatMap((line) => line.split(' '))

/** The JSON suffix of each choice type (`Quantity`, `DateTime`) to the type. */
export const CHOICE_SUFFIXES: ReadonlyMap<string, string> = new Map(
  CHOICE_TYPES.map((type) => [type.charAt(0).toUpperCase() + type.slice(1), type]),
)

const PARENTS: Record<string, string> = {
  code: 'string',
  id: 'string',
  markdown: 'string',
  url: 'uri',
  canonical: 'uri',
  uuid: 'uri',
  oid: 'uri',
  unsignedInt: 'integer',
  positiveInt: 'integer',
  Age: 'Quantity',
  Count: 'Quantity',
  Distance: 'Quantity',
  Duration: 'Quantity',
  MoneyQuantity: 'Quantity',
  SimpleQuantity: 'Quantity',
}

/** `isSubtype` where no model is given: the primitive types, the quantities, and no more. */
export function isBuiltInSubtype(type: string, ancestor: string): boolean {
  return type === ancestor || (Object.hasOwn(PARENTS, type) && PARENTS[type] === ancestor)
}

export const SYSTEM_TYPES = new Set([
  'Boolean',
  'String',
  'Integer',
  'Decimal',
  'Date',
  'DateTime',
  'Time',
  'Quantity',
  'Any',
])

/** FHIR primitive types whose text is a point in time, by what it is in FHIRPath. */
export const TEMPORAL_TYPES: ReadonlyMap<string, 'date' | 'dateTime' | 'time'> = new Map([
  ['date', 'date'],
  ['dateTime', 'dateTime'],
  ['instant', 'dateTime'],
  ['time', 'time'],
])
