import { audit } from './audit.ts'
import { backup } from './backup.ts'
import { clients } from './clients.ts'
import type { Command } from './command.ts'
import { demo } from './demo.ts'
import { doctor } from './doctor.ts'
import { expunge } from './expunge.ts'
import { keys } from './keys.ts'
import { load } from './load.ts'
import { fhirPackage } from './package.ts'
import { restore } from './restore.ts'
import { start } from './start.ts'
import { terminology } from './terminology.ts'
import { token } from './token.ts'
import { validate } from './validate.ts'
import { validation } from './validation.ts'

/** All commands, in the order of the help and of docs/reference/cli.md. */
export const COMMANDS: readonly Command[] = [
  start,
  load,
  demo,
  token,
  clients,
  fhirPackage,
  terminology,
  validate,
  validation,
  expunge,
  audit,
  keys,
  backup,
  restore,
  doctor,
]
