import {
  type ArgumentNode,
  type DirectiveNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  Source,
  TokenKind,
  type ValueNode,
} from 'graphql'
import { raise } from '#kernel'
import { GRAPHQL_FAULTS, GRAPHQL_LIMITS } from './graphql-faults.ts'

/** A query as it arrives: https://graphql.org/learn/serving-over-http/ */
export interface QueryText {
  query: string
  operationName?: string
  variables: Readonly<Record<string, unknown>>
}

/** A query that was read: what it selects, its fragments, and the values of its variables. */
export interface Query {
  selections: SelectionSetNode
  fragments: ReadonlyMap<string, FragmentDefinitionNode>
  variables: ReadonlyMap<string, unknown>
}

/** Read a query. Faults `fhir.graphql.syntax`, `.too-nested`, `.operation-unknown`, `.variables`. */
export function readQuery({ query, operationName, variables }: QueryText): Query {
  const document = parsed(query)
  const operations: OperationDefinitionNode[] = []
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition)
  }
  const chosen =
    operationName === undefined ? operations : operations.filter(({ name }) => name?.value === operationName)
  const [operation] = chosen
  if (!operation || chosen.length > 1 || operation.operation !== 'query') return raise(GRAPHQL_FAULTS.operation)
  return { selections: operation.selectionSet, fragments, variables: variablesOf(operation, variables) }
}

function parsed(query: string) {
  try {
    refuseNested(query)
    return parse(query, { noLocation: true, maxTokens: GRAPHQL_LIMITS.tokensMax })
  } catch (error) {
    // Its message would quote the query, which may name a patient.
    if (error instanceof GraphQLError) return raise(GRAPHQL_FAULTS.syntax)
    throw error
  }
}

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/** The parser calls itself for each bracket within another, until the stack has no room: so they are counted before. */
function refuseNested(query: string): void {
  const lexer = new Lexer(new Source(query))
  let depth = 0
  // Beyond this many the parser refuses.
  for (let tokens = 0; tokens <= GRAPHQL_LIMITS.tokensMax; tokens++) {
    const { kind } = lexer.advance()
    if (kind === TokenKind.EOF) return
    if (OPENING.has(kind) && ++depth > GRAPHQL_LIMITS.bracketsMax) raise(GRAPHQL_FAULTS.nested)
    if (CLOSING.has(kind)) depth--
  }
}

function variablesOf(operation: OperationDefinitionNode, given: QueryText['variables']): Map<string, unknown> {
  const values = new Map<string, unknown>()
  for (const { variable, type, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value
    const value = Object.hasOwn(given, name) ? given[name] : defaultValue && constantOf(defaultValue, new Map())
    if ((value === undefined || value === null) && type.kind === Kind.NON_NULL_TYPE) raise(GRAPHQL_FAULTS.variables)
    values.set(name, value ?? undefined)
  }
  return values
}

/** The plain value of an argument; a word without quotation marks counts as text. Fault `fhir.graphql.variables`. */
export function constantOf(node: ValueNode, variables: ReadonlyMap<string, unknown>): unknown {
  switch (node.kind) {
    case Kind.VARIABLE:
      return variables.has(node.name.value) ? variables.get(node.name.value) : raise(GRAPHQL_FAULTS.variables)
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value)
    case Kind.STRING:
    case Kind.ENUM:
    case Kind.BOOLEAN:
      return node.value
    case Kind.NULL:
      return undefined
    case Kind.LIST:
      return node.values.map((one) => constantOf(one, variables))
    case Kind.OBJECT:
      return raise(GRAPHQL_FAULTS.argument)
  }
}

/** Text of an argument that stands for one primitive value. Fault `fhir.graphql.argument-invalid` for any other. */
export function argumentText(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : raise(GRAPHQL_FAULTS.argument)
}

/** Arguments by name; those that are null are left out. Fault `fhir.graphql.argument-invalid` for one given twice. */
export function argumentsOf(
  nodes: readonly ArgumentNode[] | undefined,
  variables: ReadonlyMap<string, unknown>,
): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const { name, value } of nodes ?? []) {
    if (found.has(name.value)) raise(GRAPHQL_FAULTS.argument)
    const constant = constantOf(value, variables)
    if (constant !== undefined) found.set(name.value, constant)
  }
  return found
}

/** What the directives of a field say. */
export interface Marks {
  flatten: boolean
  first: boolean
  singleton: boolean
  slice?: string
}

/** Undefined when `@skip` or `@include` leave the field out. Fault `fhir.graphql.directive-invalid`. */
export function marksOf(
  directives: readonly DirectiveNode[] | undefined,
  variables: ReadonlyMap<string, unknown>,
): Marks | undefined {
  const marks: Marks = { flatten: false, first: false, singleton: false }
  for (const { name, arguments: nodes } of directives ?? []) {
    const given = argumentsOf(nodes, variables)
    switch (name.value) {
      case 'include':
      case 'skip': {
        const condition = given.get('if')
        if (typeof condition !== 'boolean') return raise(GRAPHQL_FAULTS.directive)
        if (condition === (name.value === 'skip')) return undefined
        break
      }
      case 'flatten':
      case 'first':
      case 'singleton':
        marks[name.value] = true
        break
      case 'slice': {
        const path = given.get('path')
        if (typeof path !== 'string') return raise(GRAPHQL_FAULTS.directive)
        marks.slice = path
        break
      }
      default:
        return raise(GRAPHQL_FAULTS.directive)
    }
  }
  return marks
}
