import type { CallNode } from './ast.ts'
import { type FunctionDefinition, type FunctionTable, fixed } from './function-table.ts'
import { singleText } from './functions-string.ts'
import { EMPTY, type Item, type Items, toJson, toNode, truth } from './item.ts'
import { type Eval, type Run, single } from './run.ts'

/** Questions about codes (http://hl7.org/fhir/R4/fhirpath.html#functions); empty where nobody can answer. */
export const terminologyFunctions: FunctionTable = {
  memberOf: fixed(1, (input, site) => {
    const argument = site.args[0] as Eval
    return (run, focus) => {
      const items = input(run, focus)
      const valueSet = singleText(argument(run, focus), site.at)
      if (items.length !== 1 || valueSet === undefined) return EMPTY
      run.spend(HOST_STEPS, site.at)
      return truth(run.env.memberOf?.(toJson(items[0] as Item), valueSet))
    }
  }),
  subsumes: subsumption((run, code, other) => run.env.subsumes?.(code, other)),
  subsumedBy: subsumption((run, code, other) => run.env.subsumes?.(other, code)),
}

/** What a question to the host counts as: it may search. */
const HOST_STEPS = 20

function subsumption(ask: (run: Run, code: unknown, other: unknown) => boolean | undefined): FunctionDefinition {
  return fixed(1, (input, site) => {
    const argument = site.args[0] as Eval
    return (run, focus) => {
      const code = single(input(run, focus), site.at)
      const other = single(argument(run, focus), site.at)
      if (code === undefined || other === undefined) return EMPTY
      run.spend(HOST_STEPS, site.at)
      return truth(ask(run, toJson(code), toJson(other)))
    }
  })
}

const OPERATIONS = ['expand', 'lookup', 'validateVS', 'validateCS', 'subsumes', 'translate'] as const
/** What `%terminologies` can be asked; arguments as the specification orders them, as plain JSON. */
export type TerminologyOperation = (typeof OPERATIONS)[number]

/** The operation that `%terminologies.name(...)` calls; undefined for any other call. */
export function terminologyOperation(node: CallNode): FunctionDefinition | undefined {
  if (node.of?.kind !== 'constant' || node.of.name !== 'terminologies') return undefined
  const operation = OPERATIONS.find((name) => name === node.name)
  return operation && operationCall(operation)
}

/** `%terminologies` (http://hl7.org/fhir/R5/fhirpath.html#txapi): the host does the work. */
function operationCall(operation: TerminologyOperation): FunctionDefinition {
  return {
    min: 1,
    max: 3,
    build: (_input, site) => (run, focus) => {
      const args = site.args.map((arg) => onlyJson(arg(run, focus), site.at))
      run.spend(HOST_STEPS, site.at)
      const answer = run.env.terminologies?.(operation, args)
      return answer === undefined || answer === null ? EMPTY : [hostItem(answer)]
    },
  }
}

function onlyJson(items: Items, at: number): unknown {
  const item = single(items, at)
  return item === undefined ? undefined : toJson(item)
}

/** A value of the host as an item: plain texts, whole numbers and booleans count as System values. */
export function hostItem(value: unknown): Item {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : toNode(value, '')
}
