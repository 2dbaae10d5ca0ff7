/** Limits of everything that comes from outside. Each names its unit and its reason. */
export const LIMITS = {
  /** Request body of a single resource. HAPI and Medplum default to the same order; a base64 scan page fits. */
  resourceBytesMax: 16 * 1024 * 1024,
  /** Batch and transaction body: a large Synthea patient is 15 MB. */
  bundleBytesMax: 64 * 1024 * 1024,
  /** Entries in one batch or transaction. */
  bundleEntriesMax: 20_000,
  /** JSON nesting; the deepest official example is below 30, and recursion below this never exhausts the stack. */
  jsonDepthMax: 100,
  /** Elements of one XML body: a Bundle of 40 MB has as many, and reading them takes some 3 s of CPU. */
  xmlElementsMax: 1_000_000,
  /** Bytes of a URL with its query. Longer queries go to POST _search. */
  urlBytesMax: 16 * 1024,
  /** Search parameters in one query. */
  searchParametersMax: 100,
  /** Comma-separated values of one search parameter. */
  searchValuesMax: 500,
  /** Matches on one page. */
  pageEntriesMax: 1_000,
  /** Matches on one page when the client names no _count. */
  pageEntriesDefault: 20,
  /** Resources drawn in by _include and _revinclude for one page. */
  includedEntriesMax: 5_000,
  /** Candidates opened to sort or filter on a sealed value before the answer is too-costly. */
  sealedCandidatesMax: 5_000,
  /** Milliseconds a database statement of one request may take. */
  statementMs: 20_000,
  /** Requests under way at once in one process before new ones are answered busy. */
  requestsInFlightMax: 2_000,
  /** Of these for one client: ten clients at full speed fit, and a loader gains nothing beyond 64. */
  requestsPerClientMax: 200,
  /** Times a write is tried again after losing a race before the client hears conflict. */
  writeAttemptsMax: 20,
} as const
