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
export { FhirPathError, type FhirPathErrorCode } from './fhirpath-error.ts'
export { EXPRESSION_CHARS_MAX, NESTING_MAX, parse, TREE_HEIGHT_MAX } from './parser.ts'
