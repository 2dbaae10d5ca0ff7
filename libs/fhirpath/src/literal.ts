import type { Expression } from './ast.ts'
import { Decimal } from './decimal.ts'
import { FhirPathError } from './fhirpath-error.ts'
import { EMPTY, FALSE, type Items, TRUE } from './item.ts'
import { Quantity } from './quantity.ts'
import { parseDateTime, parseTime } from './temporal.ts'

/** The value of a literal. Throws (`semantic`) for a number, date or time that does not exist. */
export function literal(node: Expression): Items {
  switch (node.kind) {
    case 'empty':
      return EMPTY
    case 'boolean':
      return node.value ? TRUE : FALSE
    case 'string':
    case 'integer':
      return [node.value]
    case 'decimal':
      return [present(Decimal.parse(node.text), node.at)]
    case 'quantity':
      return [new Quantity(present(Decimal.parse(node.text), node.at), node.unit, node.calendar)]
    case 'time':
      return [present(parseTime(node.text), node.at)]
    case 'date':
      return [present(parseDateTime(node.text), node.at)]
    case 'dateTime':
      return [{ ...present(parseDateTime(node.text), node.at), kind: 'dateTime' }]
    default:
      throw new FhirPathError('semantic', 'not a literal', node.at)
  }
}

function present<T>(value: T | undefined, at: number): T {
  if (value === undefined) throw new FhirPathError('semantic', 'there is no such number, date or time', at)
  return value
}
