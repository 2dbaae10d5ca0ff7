import type { Json } from '../engine/resources.ts'

/** Regions of CLDR that are no countries. */
const NO_COUNTRIES = new Set(['EU', 'EZ', 'QO', 'UN', 'XA', 'XB', 'ZZ'])

/**
 * ISO 3166 (two letters) and ISO 4217 as the Unicode CLDR of this Node.js has them: HL7 distributes neither, and resources bind
 * Money.currency and Address.country to them.
 */
export function isoSystems(): Json[] {
  return [
    system('urn:iso:std:iso:3166', 'ISO3166', countries()),
    system('urn:iso:std:iso:4217', 'ISO4217', currencies()),
  ]
}

function countries(): Json[] {
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const found: Json[] = []
  for (let first = 65; first <= 90; first++)
    for (let second = 65; second <= 90; second++) {
      const code = String.fromCharCode(first, second)
      const display = NO_COUNTRIES.has(code) ? undefined : names.of(code)
      if (display !== undefined) found.push({ code, display })
    }
  return found
}

function currencies(): Json[] {
  const names = new Intl.DisplayNames(['en'], { type: 'currency', fallback: 'code' })
  return Intl.supportedValuesOf('currency').map((code) => ({ code, display: names.of(code) ?? code }))
}

function system(url: string, name: string, concept: readonly Json[]): Json {
  return {
    resourceType: 'CodeSystem',
    url,
    name,
    status: 'active',
    language: 'en',
    caseSensitive: true,
    content: 'complete',
    concept,
  }
}
