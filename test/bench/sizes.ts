/** How much is stored and how long is measured. */
export interface Sizes {
  warmSeconds: number
  seconds: number
  /** Seconds per cell of the comparison with sealing or audit switched off. */
  costSeconds: number
  /** 200 patients with 325 Observations each are 65,000: more than the index pages that fit a processor's cache. */
  patients: number
  observationsEach: number
  /** Observations created to measure what one takes on disk. */
  storedObservations: number
  /** Starts of each kind. */
  starts: number
  /** Patients at which reads and searches are compared. */
  scale: readonly number[]
  /** Seconds for each query shape at each size. */
  shapeSeconds: number
  /** Observations for the newest of a code. */
  largeObservations: number
  /** Concepts of the code system for terminology. */
  concepts: number
  /** Executions of each statement in the database. */
  explains: number
}

export const FULL: Sizes = {
  warmSeconds: 4,
  seconds: 15,
  costSeconds: 10,
  patients: 200,
  observationsEach: 325,
  storedObservations: 60_000,
  starts: 3,
  scale: [1_000, 4_000, 16_000],
  shapeSeconds: 2,
  largeObservations: 2_000_000,
  concepts: 350_000,
  explains: 20,
}

/** A smoke run of about a minute: its figures mean nothing. */
export const QUICK: Sizes = {
  warmSeconds: 0.2,
  seconds: 1,
  costSeconds: 0.4,
  patients: 20,
  observationsEach: 220,
  storedObservations: 2_000,
  starts: 1,
  scale: [50, 200],
  shapeSeconds: 0.2,
  largeObservations: 40_000,
  concepts: 20_000,
  explains: 5,
}
