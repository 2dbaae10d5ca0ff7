export type {
  BinaryNode,
  BinaryOperator,
  BooleanLiteral,
  CallNode,
  ConstantNode,
  DecimalLiteral,
  EmptyLiteral,
  Expression,
  IndexerNode,
  IndexNode,
  IntegerLiteral,
  MemberNode,
  QuantityLiteral,
  StringLiteral,
  TemporalLiteral,
  ThisNode,
  TotalNode,
  TypeNode,
  TypeSpecifier,
  UnaryNode,
} from './ast.ts'
export {
  type CompiledExpression,
  type CompileOptions,
  compile,
  compileTree,
  type TypedValue,
} from './compile.ts'
export { FhirPathError, type FhirPathErrorCode } from './fhirpath-error.ts'
export type { HostFunctions } from './function-lookup.ts'
export type { TerminologyOperation } from './functions-terminology.ts'
export { EXPRESSION_CHARS_MAX, NESTING_MAX, parse, TREE_HEIGHT_MAX } from './parser.ts'
export { applyFhirPathPatch, type PatchOptions } from './patch.ts'
export { FhirPathPatchError, type FhirPathPatchErrorCode } from './patch-error.ts'
export { PATCH_OPERATIONS_MAX } from './patch-operation.ts'
export type { UnitConverter } from './quantity.ts'
export { type Environment, STEPS_MAX, STRING_CHARS_MAX, type StepBudget } from './run.ts'
export type { ChildElement, TypeModel } from './type-model.ts'
