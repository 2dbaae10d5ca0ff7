import type { UnitConverter } from '@salus/fhirpath'
import { ucumUnit } from '../search/ucum-unit.ts'

/** UCUM for invariants, by the same table as quantity search. https://ucum.org */
export const unitConverter: UnitConverter = {
  convert(value, from, to) {
    const [source, target] = [ucumUnit(from), ucumUnit(to)]
    if (source.key !== target.key) return undefined
    return (value * source.factor + source.offset - target.offset) / target.factor
  },
}
