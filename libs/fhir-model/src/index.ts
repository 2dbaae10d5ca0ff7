export { COMPARTMENTS, compartmentParams } from './search/compartments.ts'
export {
  type SearchParameterDef,
  type SearchParameterType,
  searchParameterById,
  searchParameters,
} from './search/parameters.ts'
export { isResourceType, RESOURCE_TYPES, typeName, typeNumber } from './structure/resource-types.ts'
export type { IssueCode, ValidationIssue, ValidationResult } from './validate/issue.ts'
export { validateResource } from './validate/validate-resource.ts'
