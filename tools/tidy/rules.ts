import { ambient } from './ambient.ts'
import { cycles } from './cycles.ts'
import { dependencies } from './dependencies.ts'
import { docstrings } from './docstrings.ts'
import { doors } from './doors.ts'
import { floors } from './floors.ts'
import { length } from './length.ts'
import { logging } from './logging.ts'
import { names } from './names.ts'
import { promisesToDo } from './promises-to-do.ts'
import type { Rule } from './rule.ts'
import { sql } from './sql.ts'
import { testedFaults } from './tested-faults.ts'
import { wholeTests } from './whole-tests.ts'
import { wiring } from './wiring.ts'
import { words } from './words.ts'

/** Every rule of the house that a program can check. Each has a folder of fixtures that must fail. */
export const RULES: readonly Rule[] = [
  doors,
  floors,
  cycles,
  sql,
  wiring,
  ambient,
  length,
  names,
  docstrings,
  wholeTests,
  promisesToDo,
  logging,
  words,
  dependencies,
  testedFaults,
]
