/** Limits of the terminology service. Each names its unit and its reason. */
export const TERMINOLOGY_LIMITS = {
  /** Codes of one answer without paging: an answer of this size has about 2 MB. More must be asked for in pages. */
  expansionCodesMax: 10_000,
  /** Concepts looked at for one request: half a second of work. */
  visitsMax: 500_000,
  /** Value sets that one request may draw in; the largest of HL7's own needs 40. */
  valueSetsMax: 500,
  /** Depth of value sets that include others. */
  includeDepthMax: 32,
  /** Characters of a text filter: what a person types. */
  filterCharsMax: 1_000,
  /** Characters of a regular expression in a filter. */
  patternCharsMax: 2_000,
  /** States of a compiled regular expression: with the longest code it stays below a millisecond. */
  patternStatesMax: 5_000,
  /** Issues of one answer. */
  issuesMax: 200,
  /** Entries of $batch-validate-code. */
  batchMax: 1_000,
  /** Concepts of one code system that is held in memory. Larger ones are loaded into the database. */
  memoryConceptsMax: 250_000,
  /** Compiled value sets kept for the validator. */
  compiledSetsMax: 2_000,
  /** Concepts of large code systems kept after a look-up: about 1 kB each. */
  cachedConceptsMax: 50_000,
  /** Tenants whose stored terminology is kept. */
  cachedTenantsMax: 64,
  /** Concepts of one named closure table, http://hl7.org/fhir/R4/terminology-service.html#closure */
  closureConceptsMax: 10_000,
} as const
