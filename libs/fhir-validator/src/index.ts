export type { Definition, DefinitionSource } from './definition-source.ts'
export { ProfileError } from './element-tree.ts'
export { distinctIssues } from './findings.ts'
export type { Issue, IssueCode, IssueSeverity } from './issue.ts'
export type { BindingStrength, PendingCheck } from './pending.ts'
export { withSnapshot } from './profiles.ts'
export type { ValidateOptions } from './settings.ts'
export type {
  CheckedCoding,
  CodeCheck,
  CodeVerdict,
  CodingVerdict,
  TerminologyForValidation,
} from './terminology-port.ts'
export { createValidator, type Validation, type Validator, type ValidatorParts } from './validator.ts'
export { issuesOfVerdict } from './verdict-issues.ts'
