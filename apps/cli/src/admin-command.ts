import { userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { createLog, loadConfig } from '@salus/server/kernel'
import { type Admin, type AdminOptions, openAdmin } from '@salus/server/roles/admin'
import type { CommandInput } from './command.ts'
import { EXIT } from './exit-code.ts'

/** What every administrator's command is run with: the settings, and who sits at the terminal. */
export function adminOptions(): AdminOptions {
  return { config: loadConfig(), log: createLog({ level: 'error' }), operator: operator() }
}

/** Run `work` on the opened record and close it again, whatever happens. */
export async function withAdmin(work: (admin: Admin) => Promise<number>): Promise<number> {
  const admin = await openAdmin(adminOptions())
  try {
    return await work(admin)
  } finally {
    await admin.close()
  }
}

/** The name the operator logged in with: behind sudo that is not root's. */
function operator(): string {
  const name = process.env['SUDO_USER'] ?? nameOfUser()
  return name.slice(0, 64)
}

function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number without a name.
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

/** One document for programs, or lines for people. */
export function answer(input: CommandInput, document: object, lines: readonly string[]): void {
  process.stdout.write(input.json ? `${JSON.stringify(document)}\n` : lines.map((line) => `${line}\n`).join(''))
}

/**
 * Whether to go on with something that cannot be taken back: `--yes`, or the answer at the terminal.
 * Undefined: go on; otherwise the exit code to leave with.
 */
export async function confirmed(input: CommandInput, question: string): Promise<number | undefined> {
  if (input.options['yes'] === true) return undefined
  if (!process.stdin.isTTY) {
    process.stderr.write(`salus: ${question} Nobody is at the terminal to answer; give --yes. Nothing was done.\n`)
    return EXIT.usage
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const said = await terminal.question(`${question} Type "yes" to go on: `)
  terminal.close()
  if (said.trim().toLowerCase() === 'yes') return undefined
  process.stderr.write('Nothing was done.\n')
  return EXIT.refused
}
