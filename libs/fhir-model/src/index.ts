export { COMPARTMENTS, compartmentParams } from './search/compartments.ts'
export { type CustomParameter, compileCustomParameter, UnusableParameter } from './search/custom-parameter.ts'
export { extractSearchValues, type UncompiledParameter, uncompiledParameters } from './search/extract.ts'
export {
  type SearchParameterDef,
  type SearchParameterType,
  searchParameterById,
  searchParameters,
} from './search/parameters.ts'
export { patientReferences } from './search/patient-references.ts'
export {
  type CompositeValue,
  type DateValue,
  type NumberValue,
  OPEN_END_MS,
  OPEN_START_MS,
  type QuantityValue,
  type ReferenceValue,
  type SearchValue,
  type StringValue,
  type TokenValue,
  type UriValue,
} from './search/search-value.ts'
export { type TypePlan, typePlan } from './search/type-plan.ts'
export { mandatoryElements, summaryElements } from './structure/elements.ts'
export { fhirPathModel } from './structure/fhir-path-model.ts'
export { type OrderedElement, orderedElements } from './structure/ordered-elements.ts'
export { isResourceType, RESOURCE_TYPES, typeName, typeNumber } from './structure/resource-types.ts'
export type { IssueCode, ValidationIssue, ValidationResult } from './validate/issue.ts'
export { PRIMITIVE_CHECKS, type PrimitiveCheck } from './validate/primitives.ts'
export { validateResource } from './validate/validate-resource.ts'
