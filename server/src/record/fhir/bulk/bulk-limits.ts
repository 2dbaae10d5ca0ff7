/** Limits of bulk jobs. Each names its unit and its reason. */
export const BULK_LIMITS = {
  /** Bytes of opened resources on one page: what a job holds in memory, and what one commit makes known. A larger resource is a page alone. */
  pageBytesMax: 1024 * 1024,
  /** Sealed bytes fetched for one page: bodies shrink to a fifth and less. The first row is always fetched. */
  pageSealedBytesMax: 512 * 1024,
  /** Rows of one page: some tens of milliseconds of the event loop, in turns. */
  pageRowsMax: 1_000,
  /** Opened bytes after which a further file of the same type is begun: a client loads it again when a download breaks off. */
  fileBytesMax: 128 * 1024 * 1024,
  /** Deletions named by one line of a `deleted` file. */
  deletionsPerLine: 100,
  /** Jobs under way of one client: they take turns, so that more gain nothing. */
  activePerClientMax: 4,
  /** Jobs under way of one tenant. */
  activePerTenantMax: 8,
  /** Jobs of one client that are kept, finished ones included: each holds a copy of what it exported. */
  keptPerClientMax: 20,
  /** Jobs one process works on at once. */
  runningMax: 2,
  /** How long a process works on one job before another that waits has its turn, ms. */
  turnMs: 5_000,
  /** The same for an import: a file is fetched from its start each time, and the lines done are passed over. */
  importTurnMs: 600_000,
  /** Imports one process works on at once, so that exports have a place beside them. */
  importsMax: 1,
  /** A process that has not been heard of for this long has lost its job to the next, ms. */
  leaseMs: 10_000,
  leaseRenewMs: 2_500,
  /** How often it is looked for jobs, ms. */
  pollMs: 1_000,
  /** An export begins this long after it was asked for: what was being written at that moment is committed by then, ms. */
  settleMs: 1_000,
  /** Tries without any progress before a job has failed. */
  failuresMax: 5,
  /** Wait after the n-th of these, ms, times n. */
  failureWaitMs: 2_000,
  /** Patients named by one audit record: longer lists are told in several. */
  patientsPerRecord: 1_000,
  /** Patients looked for at once: their resources are sorted together for each page. */
  patientsPerWalk: 100,
  /** Queries of `_typeFilter`. */
  typeFiltersMax: 50,
  /** Lines of `_elements`. */
  elementsMax: 200,
  /** Ended jobs looked for at once. */
  jobsPerRemoval: 50,
  /** Chunks removed at once when a job is: some tens of megabytes. */
  chunksPerRemoval: 50,
  /** Files that one import reads. */
  inputsMax: 1_000,
  /** Lines of one commit of an import. */
  linesPerCommit: 100,
  /** Bytes of one commit of an import. */
  commitBytesMax: 2 * 1024 * 1024,
  /** Bytes of one file that an import reads: more comes as several files. */
  inputBytesMax: 16 * 1024 * 1024 * 1024,
  /** What the server of an input has to send in each stretch of waiting for it, bytes: a tenth of a slow line. Less holds up other imports. */
  inputWindowBytes: 256 * 1024,
  /** That stretch, ms. */
  inputWindowMs: 30_000,
  /** Waiting for one input as a whole, ms. Less than a turn: the next begins the file anew and comes no further at that pace. */
  inputWaitMs: 480_000,
  /** Refused lines of an import that are told one by one; the others are counted. */
  refusalsToldMax: 10_000,
} as const
