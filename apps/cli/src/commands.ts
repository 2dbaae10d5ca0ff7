import type { Command } from './command.ts'
import { start } from './start.ts'
import { token } from './token.ts'

/** All commands, in the order of the help and of docs/reference/cli.md. */
export const COMMANDS: readonly Command[] = [start, token]
