import type { Repository } from './repository.ts'

export interface Problem {
  /** Relative to the checkout. */
  path: string
  line: number
  /** What is wrong and how to mend it. */
  message: string
}

export interface Rule {
  /** Also the name of the folder with its fixtures. */
  name: string
  check(repository: Repository): Problem[]
}
