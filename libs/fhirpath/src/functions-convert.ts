import {
  type Conversion,
  toBoolean,
  toDate,
  toDateTime,
  toDecimalValue,
  toInteger,
  toQuantity,
  toText,
  toTime,
} from './convert.ts'
import { type FunctionDefinition, type FunctionTable, plain } from './function-table.ts'
import { singleText } from './functions-string.ts'
import { EMPTY, FhirNode, type Item, only, truth } from './item.ts'
import { inUnitOf, Quantity } from './quantity.ts'
import { type Eval, type Run, single } from './run.ts'

/** http://hl7.org/fhirpath/N1/#conversion */
export const convertFunctions: FunctionTable = {
  toBoolean: converts(toBoolean),
  convertsToBoolean: tests(toBoolean),
  toInteger: converts(toInteger),
  convertsToInteger: tests(toInteger),
  toDecimal: converts(toDecimalValue),
  convertsToDecimal: tests(toDecimalValue),
  toDate: converts(toDate),
  convertsToDate: tests(toDate),
  toDateTime: converts(toDateTime),
  convertsToDateTime: tests(toDateTime),
  toTime: converts(toTime),
  convertsToTime: tests(toTime),
  toString: converts(toText),
  convertsToString: tests(toText),
  toQuantity: quantity(false),
  convertsToQuantity: quantity(true),
}

/** Reading a text takes as long as the text is. */
function spendReading(run: Run, item: Item, at: number): void {
  const text = item instanceof FhirNode ? item.value : item
  if (typeof text === 'string' && text.length > 64) run.spendText(text.length, at)
}

function converts(conversion: Conversion): FunctionDefinition {
  return plain((items, run, { at }) => {
    const item = single(items, at)
    if (item === undefined) return EMPTY
    spendReading(run, item, at)
    return only(conversion(item))
  })
}

function tests(conversion: Conversion): FunctionDefinition {
  return plain((items, run, { at }) => {
    const item = single(items, at)
    if (item === undefined) return EMPTY
    spendReading(run, item, at)
    return truth(conversion(item) !== undefined)
  })
}

/** With a unit as argument the quantity is converted to it, or is empty where it cannot be. */
function quantity(testOnly: boolean): FunctionDefinition {
  return {
    min: 0,
    max: 1,
    build: (input, site) => (run, focus) => {
      const item = single(input(run, focus), site.at)
      if (item === undefined) return EMPTY
      const unit = site.args.length === 0 ? undefined : singleText((site.args[0] as Eval)(run, focus), site.at)
      spendReading(run, item, site.at)
      let result = toQuantity(item)
      if (unit !== undefined && result instanceof Quantity) {
        const value = inUnitOf(run, new Quantity(result.value, unit, false), result, site)
        result = value && new Quantity(value, unit, false)
      }
      return testOnly ? truth(result !== undefined) : only(result)
    },
  }
}
