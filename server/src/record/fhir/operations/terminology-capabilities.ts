import type { Terminology } from '#terminology'

/** Code systems named; a longer list helps nobody and would be megabytes. */
const LISTED_MAX = 5_000

/** `/metadata?mode=terminology`: http://hl7.org/fhir/R4/terminologycapabilities.html */
export async function terminologyCapabilities(
  terminology: Terminology,
  options: { fhirBase: string; version: string; startedAt: number },
): Promise<Buffer> {
  const systems = (await terminology.codeSystems()).slice(0, LISTED_MAX)
  return Buffer.from(
    JSON.stringify({
      resourceType: 'TerminologyCapabilities',
      status: 'active',
      date: new Date(options.startedAt).toISOString(),
      kind: 'instance',
      software: { name: 'Salus', version: options.version },
      implementation: { description: 'Salus FHIR R4 terminology', url: options.fhirBase },
      lockedDate: false,
      codeSystem: systems.map(({ url, versions, preferred }) => ({
        uri: url,
        ...(versions.length === 0
          ? {}
          : { version: versions.map((code) => ({ code, isDefault: code === preferred })) }),
        subsumption: true,
      })),
      expansion: {
        hierarchical: true,
        paging: true,
        incomplete: false,
        parameter: EXPANSION_PARAMETERS.map((name) => ({ name })),
        textFilter:
          'Each word of the filter starts a word of the code or of one of its names, in any order and letter case; names that start with the filter come first.',
      },
      codeSearch: 'all',
      validateCode: { translations: true },
      translation: { needsMap: false },
      closure: { translation: false },
    }),
  )
}

const EXPANSION_PARAMETERS = [
  'activeOnly',
  'check-system-version',
  'count',
  'default-valueset-version',
  'designation',
  'displayLanguage',
  'excludeNested',
  'excludeNotForUI',
  'filter',
  'force-system-version',
  'includeDefinition',
  'includeDesignations',
  'offset',
  'property',
  'system-version',
  'tx-resource',
  'useSupplement',
]
