import type { BinaryNode, CallNode, Expression, MemberNode } from './ast.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { RESULT_OF, TEXT_INPUT } from './static-results.ts'
import { SYSTEM_TYPES, type TypeModel } from './type-model.ts'
import { typeArgument } from './type-test.ts'

/**
 * What is known of a collection before there is data: the types its items can have (undefined: any) and whether they
 * come in an order.
 */
interface Known {
  types: readonly string[] | undefined
  ordered: boolean
}

const ANYTHING: Known = { types: undefined, ordered: true }
const BOOLEAN: Known = { types: ['System.Boolean'], ordered: true }

/**
 * Throws `FhirPathError` (`semantic`) where the types of the model say that an expression can never give anything: an
 * element that does not exist, a start that is another type, a text function on what is no text, a choice by the key
 * of its JSON, an item by number from a collection without order. What is not known is not refused.
 */
export function checkTypes(tree: Expression, model: TypeModel, type: string): void {
  new Checker(model).known(tree, type === '' ? ANYTHING : { types: [type], ordered: true })
}

class Checker {
  readonly #model: TypeModel

  constructor(model: TypeModel) {
    this.#model = model
  }

  known(node: Expression, focus: Known): Known {
    switch (node.kind) {
      case 'this':
        return focus
      case 'member':
        return this.#member(node, focus)
      case 'call':
        return this.#call(node, focus)
      case 'indexer':
        this.known(node.index, focus)
        return ordered(this.known(node.of, focus), node.at)
      case 'unary':
        return this.known(node.operand, focus)
      case 'type':
        this.known(node.operand, focus)
        return node.op === 'is' ? BOOLEAN : typed(node.type)
      case 'binary':
        return this.#binary(node, focus)
      default:
        return literalType(node)
    }
  }

  #member(node: MemberNode, focus: Known): Known {
    if (node.of !== null) return this.#child(this.known(node.of, focus), node)
    if (!/^[A-Z]/.test(node.name) || focus.types === undefined) return this.#child(focus, node)
    if (focus.types.some((type) => this.#model.isSubtype(type, node.name))) return focus
    throw new FhirPathError('semantic', 'the input is not of this type', node.at)
  }

  #child({ types, ordered: inOrder }: Known, { name, at }: MemberNode): Known {
    if (types === undefined || types.some((type) => this.#isOpen(type))) return { ...ANYTHING, ordered: inOrder }
    const found = new Set<string>()
    let exists = false
    for (const type of types) {
      const child = this.#model.child(type, name)
      if (child === undefined) continue
      exists = true
      for (const one of child.choiceOf?.map(([, choice]) => choice) ?? [child.type]) found.add(one)
    }
    if (!exists) throw new FhirPathError('semantic', 'there is no such element', at)
    return { types: found.has('') ? undefined : [...found], ordered: inOrder }
  }

  #binary(node: BinaryNode, focus: Known): Known {
    const left = this.known(node.left, focus)
    const right = this.known(node.right, focus)
    if (node.op === '|') return either(left, right)
    if (node.op === '&') return { types: ['System.String'], ordered: true }
    return '+-*/divmod'.includes(node.op) ? ANYTHING : BOOLEAN
  }

  #call(node: CallNode, focus: Known): Known {
    const { name, args, at } = node
    const input = node.of === null ? focus : this.known(node.of, focus)
    if (name === 'is' || name === 'as' || name === 'ofType') {
      return name === 'is' ? BOOLEAN : typed(typeArgument(args[0] as Expression))
    }
    if (TEXT_INPUT.has(name) && input.types?.every((type) => this.#isComplex(type))) {
      throw new FhirPathError('semantic', 'a string is needed here', at)
    }
    const result = RESULT_OF.get(name)
    const inner = result?.iterates === true ? { ...input, ordered: true } : focus
    const known = args.map((arg) => this.known(arg, inner))
    if (name === 'iif') return this.#choice(node, known)
    if (result?.order === 'needed') ordered(input, at)
    return resultOf(result?.gives, input, known)
  }

  #choice({ at }: CallNode, [test, yes, no]: readonly Known[]): Known {
    if (test?.types?.every((type) => type !== 'boolean' && type !== 'System.Boolean') === true) {
      throw new FhirPathError('semantic', 'iif needs a boolean', at)
    }
    return no === undefined ? (yes ?? ANYTHING) : either(yes ?? ANYTHING, no)
  }

  #isComplex(type: string): boolean {
    return /^[A-Z]/.test(type) && !this.#isOpen(type)
  }

  /** Types of whose elements nothing is known, because any of their kind may stand there or the model has them not. */
  #isOpen(type: string): boolean {
    if (type.startsWith('System.') || OPEN.has(type)) return true
    return this.#model.hasType?.(type.split('.', 1)[0] as string) === false
  }
}

function resultOf(gives: string | undefined, input: Known, args: readonly Known[]): Known {
  const [first = ANYTHING] = args
  switch (gives) {
    case 'input':
      return input
    case 'argument':
      return { ...first, ordered: input.ordered && first.ordered }
    case 'both':
      return either(input, first)
    case 'tree':
      return { types: undefined, ordered: false }
    case undefined:
      return ANYTHING
    default:
      return { types: [gives], ordered: true }
  }
}

const OPEN = new Set(['Resource', 'DomainResource', 'Element', 'BackboneElement'])

function ordered(known: Known, at: number): Known {
  if (!known.ordered) throw new FhirPathError('semantic', 'this collection has no order to count in', at)
  return known
}

function either(left: Known, right: Known): Known {
  const types = left.types && right.types && [...new Set([...left.types, ...right.types])]
  return { types, ordered: left.ordered && right.ordered }
}

function typed({ namespace, name }: { namespace?: string; name: string }): Known {
  const system = namespace === 'System' || (namespace === undefined && SYSTEM_TYPES.has(name) && name !== 'Quantity')
  return { types: [system ? `System.${name}` : name], ordered: true }
}

const LITERALS: Partial<Record<Expression['kind'], string>> = {
  boolean: 'Boolean',
  string: 'String',
  integer: 'Integer',
  decimal: 'Decimal',
  quantity: 'Quantity',
  date: 'Date',
  dateTime: 'DateTime',
  time: 'Time',
}

function literalType(node: Expression): Known {
  const name = LITERALS[node.kind]
  return name === undefined ? ANYTHING : { types: [`System.${name}`], ordered: true }
}
