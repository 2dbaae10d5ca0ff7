import type { BinaryNode, CallNode, Expression, IndexerNode, UnaryNode } from './ast.ts'
import { constantEval } from './constants.ts'
import { Decimal } from './decimal.ts'
import { equalsText } from './equals-text.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { functionNamed, type HostFunctions, hostFunction } from './function-lookup.ts'
import type { CallSite } from './function-table.ts'
import { filterBy } from './functions-filter.ts'
import { terminologyOperation } from './functions-terminology.ts'
import {
  EMPTY,
  FALSE,
  FhirNode,
  type Item,
  type Items,
  only,
  systemTypeName,
  systemValue,
  TRUE,
  toJson,
  toNode,
} from './item.ts'
import { literal } from './literal.ts'
import { memberEval, startEval } from './navigate.ts'
import { operatorEval } from './operators.ts'
import { parse } from './parser.ts'
import { Quantity, type UnitConverter } from './quantity.ts'
import { type Environment, type Eval, executionError, Run, single } from './run.ts'
import { definesVariable, scoped } from './scope.ts'
import { checkTypes } from './static-check.ts'
import type { TypeModel } from './type-model.ts'
import { checkType, typeTest } from './type-test.ts'

/** What `compile` may know beyond the expression. Everything is optional. */
export interface CompileOptions {
  /** Types of elements. Without it, choice elements are found by their key and `is` answers by what the JSON shows. */
  model?: TypeModel
  /** Conversion between units. Without it only quantities of equal units compare. */
  ucum?: UnitConverter
  /** The FHIR type of the input where it is no resource: `HumanName`, `Patient.contact`. */
  type?: string
  /**
   * Refuse (`semantic`) an expression that can give nothing by the types of the model: elements that do not exist on
   * `type`, a choice by the key of its JSON (`valueQuantity`), text functions on what is no text, `first()` of a
   * collection without order. And `as` refuses several items. Needs `model`. Without it all of these are empty.
   */
  strict?: boolean
  /** Further functions, by name, on plain JSON: `htmlChecks`, `getResourceKey`. They do not replace built-in ones. */
  functions?: HostFunctions
}

/** An item of a result with its FHIR type (`HumanName`, `code`) or System type (`System.String`). */
export interface TypedValue {
  value: unknown
  /** Empty where no model was given and the JSON does not tell. */
  type: string
  /** The JSON sibling `_name` of a primitive: its `id` and `extension`. */
  extra?: unknown
}

/** A compiled expression. Holds no state of an evaluation: it may be shared and called again from a callback. */
export interface CompiledExpression {
  /** The result as plain JSON; a primitive that has only extensions is `undefined`. An array as input is a collection. */
  (input: unknown, env?: Environment): unknown[]
  /** The same result with types. */
  typed(input: unknown, env?: Environment): TypedValue[]
  /** The result as a condition: false where it is empty. */
  test(input: unknown, env?: Environment): boolean
}

/**
 * Compiles an expression to closures that evaluate on plain FHIR R4 JSON (http://hl7.org/fhirpath/N1/,
 * http://hl7.org/fhir/R4/fhirpath.html). Pure: time, units, references and terminology come from `options` and `env`.
 * Compile once and keep the result. Throws `FhirPathError` here (`syntax`, `semantic`, `limit`) and from the compiled
 * expression (`execution`, `limit`); no message holds data.
 */
export function compile(expression: string, options: CompileOptions = {}): CompiledExpression {
  return compileTree(parse(expression), options)
}

/** Like `compile`, of an expression that is already parsed. */
export function compileTree(tree: Expression, options: CompileOptions = {}): CompiledExpression {
  const type = options.type ?? ''
  const evaluate = evalOf(tree, options)
  // After compiling, which has counted the arguments.
  if (options.strict === true && options.model !== undefined) checkTypes(tree, options.model, type)
  const items = (input: unknown, env: Environment = {}): Items => {
    const focus = inputItems(input, type)
    return evaluate(new Run(env, focus), focus)
  }
  const compiled = (input: unknown, env?: Environment): unknown[] => items(input, env).map(toJson)
  return Object.assign(compiled, {
    typed: (input: unknown, env?: Environment) => items(input, env).map(typedValue),
    test: (input: unknown, env?: Environment) => isTrue(items(input, env)),
  })
}

/** The bare closure of a tree, for those inside this library that hold their own run. */
export function evalOf(tree: Expression, options: CompileOptions): Eval {
  return new Compiler(options).node(tree)
}

function inputItems(input: unknown, type: string): Items {
  if (input === undefined || input === null) return EMPTY
  if (Array.isArray(input)) return input.map((item) => toNode(item, type))
  return [toNode(input, type)]
}

function typedValue(item: Item): TypedValue {
  if (!(item instanceof FhirNode)) return { value: toJson(item), type: `System.${systemTypeName(item)}` }
  const { value, type, extra } = item
  return extra === undefined ? { value, type } : { value, type, extra }
}

function isTrue(items: Items): boolean {
  return items.length === 1 && systemValue(items[0] as Item) === true
}

class Compiler {
  readonly #options: CompileOptions
  readonly #model: TypeModel | undefined

  constructor(options: CompileOptions) {
    this.#options = options
    this.#model = options.model
  }

  node(node: Expression): Eval {
    switch (node.kind) {
      case 'member':
        if (node.of === null) return startEval(node.name, this.#model, node.at)
        return memberEval(this.node(node.of), node.name, this.#model, node.at)
      case 'call':
        return this.#call(node)
      case 'indexer':
        return this.#indexer(node)
      case 'binary':
        return this.#binary(node)
      case 'unary':
        return this.#unary(node)
      case 'type': {
        checkType(node.type, this.#model, node.at)
        return this.#typeOperator(this.node(node.operand), node)
      }
      case 'this':
        return (_run, focus) => focus.slice()
      case 'index':
        return (run) => (run.index === undefined ? EMPTY : [run.index])
      case 'total':
        return (run) => run.total ?? EMPTY
      case 'constant':
        return constantEval(node.name, node.at)
      default: {
        const value = literal(node)
        return () => value
      }
    }
  }

  #call(node: CallNode): Eval {
    const definition =
      terminologyOperation(node) ?? functionNamed(node.name) ?? hostFunction(node.name, this.#options.functions)
    if (definition === undefined) throw new FhirPathError('semantic', 'there is no such function', node.at)
    const { min, max } = definition
    if (node.args.length < min || node.args.length > max) {
      const wanted = min === max ? `${min}` : `${min} to ${max}`
      throw new FhirPathError('semantic', `this function takes ${wanted} arguments`, node.at)
    }
    const input: Eval =
      node.of === null || isTerminologies(node.of) ? (_run, focus) => focus.slice() : this.node(node.of)
    const site: CallSite = {
      at: node.at,
      // A type name is not an expression: `is(Patient)` must not look for an element of that name.
      args: TYPE_FUNCTIONS.has(node.name) ? [] : node.args.map((arg) => this.#argument(arg)),
      nodes: node.args,
      call: node,
      strict: this.#options.strict === true,
      model: this.#model,
      units: this.#options.ucum,
    }
    return definition.build(input, site)
  }

  #argument(node: Expression): Eval {
    const argument = this.node(node)
    return definesVariable(node) ? scoped(argument) : argument
  }

  #indexer(node: IndexerNode): Eval {
    const of = this.node(node.of)
    if (node.index.kind === 'integer') {
      const at = node.index.value
      return (run, focus) => {
        const item = of(run, focus)[at]
        return item === undefined ? EMPTY : [item]
      }
    }
    const index = this.node(node.index)
    return (run, focus) => {
      const items = of(run, focus)
      const wanted = single(index(run, focus), node.at)
      if (wanted === undefined) return EMPTY
      const at = systemValue(wanted)
      if (typeof at !== 'number') throw executionError('an index is an integer', node.at)
      const item = items[at]
      return item === undefined ? EMPTY : [item]
    }
  }

  #binary(node: BinaryNode): Eval {
    const left = this.node(node.left)
    const right = this.node(node.right)
    if (node.op === '=' && node.right.kind === 'string') return equalsText(left, right, node, this.#options.ucum)
    const evaluate = operatorEval(node.op, left, right, { at: node.at, units: this.#options.ucum })
    if (!definesVariable(node)) return evaluate
    // Variables defined in an operand are unknown outside of it.
    return operatorEval(node.op, scoped(left), scoped(right), { at: node.at, units: this.#options.ucum })
  }

  #unary(node: UnaryNode): Eval {
    const operand = this.node(node.operand)
    return (run, focus) => {
      const item = single(operand(run, focus), node.at)
      if (item === undefined) return EMPTY
      const value = systemValue(item)
      if (typeof value === 'number') return [node.op === '-' ? 0 - value : value]
      if (value instanceof Decimal) return [node.op === '-' ? value.negated() : value]
      if (value instanceof Quantity) {
        return [node.op === '-' ? new Quantity(value.value.negated(), value.unit, value.calendar) : value]
      }
      throw executionError('a sign needs a number', node.at)
    }
  }

  #typeOperator(operand: Eval, node: Extract<Expression, { kind: 'type' }>): Eval {
    const test = typeTest(node.type, node.op === 'as', this.#model)
    if (node.op === 'as') {
      const filter = filterBy(test)
      if (this.#options.strict === true) return (run, focus) => filter(only(single(operand(run, focus), node.at)))
      return (run, focus) => {
        const items = operand(run, focus)
        run.spend(items.length, node.at)
        return filter(items)
      }
    }
    return (run, focus) => {
      const item = single(operand(run, focus), node.at)
      return item === undefined ? EMPTY : test(item) ? TRUE : FALSE
    }
  }
}

/** `%terminologies` is no value: its functions are known by its name. */
function isTerminologies(node: Expression): boolean {
  return node.kind === 'constant' && node.name === 'terminologies'
}

const TYPE_FUNCTIONS = new Set(['is', 'as', 'ofType'])
