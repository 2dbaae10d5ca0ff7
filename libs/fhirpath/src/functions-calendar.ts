import { Decimal } from './decimal.ts'
import { type FunctionDefinition, type FunctionTable, plain } from './function-table.ts'
import { EMPTY, isTemporal, only, type SystemValue, systemValue } from './item.ts'
import { single } from './run.ts'
import type { Temporal } from './temporal.ts'

/** The components of a date, dateTime or time (http://hl7.org/fhirpath/#extract-date-and-time-components). */
export const calendarFunctions: FunctionTable = {
  yearOf: component(0),
  monthOf: component(1),
  dayOf: component(2),
  hourOf: component(3),
  minuteOf: component(4),
  secondOf: part((value) => whole(value, Math.floor)),
  millisecondOf: part((value) =>
    value.fractionDigits === 0 ? undefined : whole(value, (second) => Math.round((second % 1) * 1_000)),
  ),
  timezoneOffsetOf: part(({ offset }) => (offset === undefined ? undefined : Decimal.of(offset / 60))),
  dateOf: part(({ kind, fields }) =>
    kind === 'time' ? undefined : { kind: 'date', fields: fields.slice(0, 3), offset: undefined, fractionDigits: 0 },
  ),
  timeOf: part(({ kind, fields, fractionDigits }) =>
    kind !== 'dateTime' || fields.length < 4
      ? undefined
      : { kind: 'time', fields: fields.slice(3), offset: undefined, fractionDigits },
  ),
}

const SECOND = 5

/** The field at `index` (0 the year) as a number; a time of day starts with the hour. */
function component(index: number): FunctionDefinition {
  return part((value) => field(value, index))
}

function field({ kind, fields }: Temporal, index: number): number | undefined {
  return kind === 'time' ? fields[index - 3] : fields[index]
}

function whole(value: Temporal, round: (second: number) => number): number | undefined {
  const second = field(value, SECOND)
  return second === undefined ? undefined : round(second)
}

/** Of what is no point in time there is no part. */
function part(of: (value: Temporal) => SystemValue | undefined): FunctionDefinition {
  return plain((items, _run, { at }) => {
    const item = single(items, at)
    const value = item === undefined ? undefined : systemValue(item)
    return isTemporal(value) ? only(of(value)) : EMPTY
  })
}
