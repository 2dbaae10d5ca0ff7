import { createRequire } from 'node:module'
import { quietly } from '#kernel'
import { tidy } from './number-range.ts'
import { SEARCH_LIMITS } from './search-limits.ts'

export const UCUM_SYSTEM = 'http://unitsofmeasure.org'

/** How values of one unit become values of its canonical unit: `value * factor + offset`. */
export interface UcumUnit {
  /** Names the canonical unit: equal for all units whose values can be compared. */
  key: string
  factor: number
  offset: number
}

/** Conversions already worked out; asking the library takes longer than everything else an index row costs. */
const known = new Map<string, UcumUnit>()

/**
 * The canonical form of a UCUM unit (UCUM §20: dimension vector and magnitude). Linear special units (Cel, [degF])
 * convert too. A unit that cannot be compared with others (arbitrary units such as [iU], logarithmic ones such as [pH],
 * unknown codes) is its own canonical unit.
 */
export function ucumUnit(code: string): UcumUnit {
  const found = known.get(code)
  if (found) return found
  const unit = convert(code)
  if (known.size >= SEARCH_LIMITS.unitsMax) known.delete(known.keys().next().value as string)
  known.set(code, unit)
  return unit
}

export function toCanonical(unit: UcumUnit, value: number): number {
  return tidy(value * unit.factor + unit.offset)
}

interface LibraryUnit {
  magnitude_: number
  dim_: { dimVec_: number[] | null } | null
  moleExp_: number
  isArbitrary_: boolean
  isSpecial_: boolean
  cnv_: string | null
  cnvPfx_: number
}

interface Library {
  UcumLhcUtils: { getInstance(): { getSpecifiedUnit(code: string, check: 'validate'): { unit: LibraryUnit | null } } }
}

/** Temperatures are the special units with a zero of their own; base unit K (UCUM table 4). */
const LINEAR_SPECIAL: Record<string, { factor: number; offset: number }> = {
  Cel: { factor: 1, offset: 273.15 },
  degF: { factor: 5 / 9, offset: 459.67 * (5 / 9) },
  degRe: { factor: 1.25, offset: 273.15 },
}

function convert(code: string): UcumUnit {
  const itself = { key: `=${code}`, factor: 1, offset: 0 }
  const unit = specified(code)
  const dimensions = unit?.dim_?.dimVec_
  if (!unit || !dimensions || unit.isArbitrary_) return itself
  const key = `${dimensions.join(' ')}${unit.moleExp_ ? ` mol${unit.moleExp_}` : ''}`
  if (unit.cnv_ === null) return { key, factor: unit.magnitude_, offset: 0 }
  const special = LINEAR_SPECIAL[unit.cnv_]
  if (!special || unit.cnvPfx_ === undefined) return itself
  return { key, factor: special.factor * unit.cnvPfx_, offset: special.offset }
}

let library: ReturnType<Library['UcumLhcUtils']['getInstance']> | undefined

function specified(code: string): LibraryUnit | null {
  // Loaded when the first quantity comes: 20 ms and 10 MB that a process without quantities never pays.
  library ??= (createRequire(import.meta.url)('@lhncbc/ucum-lhc') as Library).UcumLhcUtils.getInstance()
  const units = library
  try {
    // The library prints a code that it cannot read, and what clients write into one may be anything.
    return quietly(() => units.getSpecifiedUnit(code, 'validate').unit)
  } catch {
    // The library throws on some malformed codes; such a unit compares with itself only.
    return null
  }
}
