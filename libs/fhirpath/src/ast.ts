/**
 * The syntax tree of an expression: a closed union, so that a `switch` over `kind` is checked for completeness.
 * Every node carries `at`, the zero-based offset of the text it starts at (of an operator: the operator itself).
 * Specification: http://hl7.org/fhirpath/N1/grammar.html
 */
export type Expression =
  | EmptyLiteral
  | BooleanLiteral
  | StringLiteral
  | IntegerLiteral
  | DecimalLiteral
  | TemporalLiteral
  | QuantityLiteral
  | ConstantNode
  | ThisNode
  | IndexNode
  | TotalNode
  | MemberNode
  | CallNode
  | IndexerNode
  | UnaryNode
  | BinaryNode
  | TypeNode

/** `{}`: the empty collection. */
export interface EmptyLiteral {
  kind: 'empty'
  at: number
}

/** `true` or `false`. */
export interface BooleanLiteral {
  kind: 'boolean'
  value: boolean
  at: number
}

/** `'text'`, with the escapes already decoded. */
export interface StringLiteral {
  kind: 'string'
  value: string
  at: number
}

/** A number without a decimal point. */
export interface IntegerLiteral {
  kind: 'integer'
  value: number
  at: number
}

/** A number with a decimal point; `text` as written, because trailing zeros are its precision. */
export interface DecimalLiteral {
  kind: 'decimal'
  text: string
  at: number
}

/** `@2014`, `@2014-01-25T14:30` or `@T14:30`; `text` is what follows `@` (for a time: what follows `@T`). */
export interface TemporalLiteral {
  kind: 'date' | 'dateTime' | 'time'
  text: string
  at: number
}

/**
 * `4.5 'mg'` or `3 days`. `unit` is the UCUM code or, with `calendar`, the singular calendar word (`day`). `text` is
 * the number as written.
 */
export interface QuantityLiteral {
  kind: 'quantity'
  text: string
  unit: string
  calendar: boolean
  at: number
}

/** `%name`, `%'name'` or `` %`name` ``: an external constant. */
export interface ConstantNode {
  kind: 'constant'
  name: string
  at: number
}

/** `$this`: the item a criterion is evaluated on; at the top, the input. */
export interface ThisNode {
  kind: 'this'
  at: number
}

/** `$index`: the position of `$this` in the collection that is iterated. */
export interface IndexNode {
  kind: 'index'
  at: number
}

/** `$total`: the running value of `aggregate`. */
export interface TotalNode {
  kind: 'total'
  at: number
}

/** `of.name`; where `of` is null the path starts here, at `$this` or at a type name (`Patient.name`). */
export interface MemberNode {
  kind: 'member'
  of: Expression | null
  name: string
  at: number
}

/** `of.name(args)`; where `of` is null the function is applied to `$this`. */
export interface CallNode {
  kind: 'call'
  of: Expression | null
  name: string
  args: Expression[]
  /** Of `sort`: which keys are followed by `desc` or begin with a minus, which then is not part of the key. */
  descending?: readonly boolean[]
  at: number
}

/** `of[index]`. */
export interface IndexerNode {
  kind: 'indexer'
  of: Expression
  index: Expression
  at: number
}

/** `-operand` or `+operand`. */
export interface UnaryNode {
  kind: 'unary'
  op: '+' | '-'
  operand: Expression
  at: number
}

/** Every two-sided operator except `is` and `as`. */
export interface BinaryNode {
  kind: 'binary'
  op: BinaryOperator
  left: Expression
  right: Expression
  at: number
}

/** `operand is type` or `operand as type`. The functions `is()`, `as()` and `ofType()` stay calls. */
export interface TypeNode {
  kind: 'type'
  op: 'is' | 'as'
  operand: Expression
  type: TypeSpecifier
  at: number
}

/** A type name as written: `Patient`, `FHIR.Patient`, `System.String`. */
export interface TypeSpecifier {
  namespace?: string
  name: string
}

/** The operators of a `BinaryNode`; how they bind is in parser.ts. */
export type BinaryOperator =
  | '*'
  | '/'
  | 'div'
  | 'mod'
  | '+'
  | '-'
  | '&'
  | '|'
  | '<='
  | '<'
  | '>'
  | '>='
  | '='
  | '~'
  | '!='
  | '!~'
  | 'in'
  | 'contains'
  | 'and'
  | 'or'
  | 'xor'
  | 'implies'
