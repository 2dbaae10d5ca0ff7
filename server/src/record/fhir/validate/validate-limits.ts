import { LIMITS } from '#kernel'

/** Limits of validation against profiles. Each names its unit and its reason. */
export const VALIDATE_LIMITS = {
  /** Characters of a resource that `$validate` takes: the largest Synthea Bundle below it takes a third of a second. */
  resourceCharsMax: 4 * 1024 * 1024,
  /** Milliseconds of one check that hold the event loop, compiling included: beyond it, it is stopped. The last resort. */
  checkMs: 500,
  /** Steps that all invariants and patterns of one check take together: 60 to 300 ms. The largest Synthea Bundles need 110,000. */
  steps: 1_000_000,
  /** Milliseconds that all checks of one request take together: those of 20,000 ordinary entries take 2 to 6 s, with turns between. */
  requestMs: 10_000,
  /** Milliseconds of checks after which everybody else has a turn. */
  turnMs: 20,
  /** Milliseconds of checks that a tenant may have used ... */
  usedMs: 1_000,
  /** ... within so many before it waits behind the others: 5,000 ordinary resources. */
  usedWithinMs: 10_000,
  /** Milliseconds of rest for each one of work, for a tenant that has used more: it holds a third of the time. */
  restFactor: 2,
  /** Checks of one tenant that wait: as many as one client may have under way. */
  waitingMax: LIMITS.requestsPerClientMax,
  /** Milliseconds after which a check that waits is not begun any more: clients wait no longer for an answer than some ten seconds. */
  waitMs: 8_000,
  /** Tenants whose use is remembered before those that wore off are forgotten. */
  linesMax: 1_000,
  /** Milliseconds in which the codes left open must be answered, from the beginning of the check. */
  codesMs: 3_000,
  /** Milliseconds for which a tenant whose check was stopped gets no other one: the process is for all of them. */
  pauseMs: 10_000,
  /** Questions to the terminology at once: enough to share look-ups. */
  codesAtOnce: 8,
  /** Findings of one answer. */
  issuesMax: 500,
  /** Profiles that `$validate` takes. */
  profilesMax: 20,
  /** References whose target is looked for. */
  referencesMax: 1_000,
  /** Tenants whose compiled own profiles are kept: some 10 MB each as a rule. */
  tenantsMax: 8,
  /** Own definitions of a tenant that are used. */
  definitionsMax: 2_000,
  /** Characters of these together. */
  definitionsCharsMax: 32 * 1024 * 1024,
  /** Definitions looked for in one query. */
  wantedPerQuery: 50,
  /** Stored definitions that one query gives, all versions counted. */
  storedPerQueryMax: 500,
  /** Times a check is begun again with definitions it missed: profiles are built on each other at most as often. */
  roundsMax: 50,
} as const
