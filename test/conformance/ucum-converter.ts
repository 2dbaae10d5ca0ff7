import { createRequire } from 'node:module'
import type { UnitConverter } from '@salus/fhirpath'

interface Library {
  UcumLhcUtils: {
    getInstance(): {
      convertUnitTo(from: string, value: number, to: string): { status: string; toVal: number | null }
    }
  }
}

/** All of UCUM, for the suites that convert units. */
export function ucumConverter(): UnitConverter {
  const library = (createRequire(import.meta.url)('@lhncbc/ucum-lhc') as Library).UcumLhcUtils.getInstance()
  return {
    convert(value, from, to) {
      const { status, toVal } = library.convertUnitTo(from, value, to)
      return status === 'succeeded' ? (toVal ?? undefined) : undefined
    },
  }
}
