import { resolve } from 'node:path'
import { raise } from '@salus/server/kernel'
import type { Command } from './command.ts'
import { findLoadFiles } from './load-files.ts'
import { piecesOf } from './load-pieces.ts'
import { loadSession, SESSION_OPTIONS } from './load-session.ts'

/** Load FHIR files into the running server. */
export const load: Command = {
  name: 'load',
  summary: 'Load FHIR files into the running server: .json and .ndjson, also with .gz, Bundles or resources.',
  usage: '<files or directories...> [options]',
  options: SESSION_OPTIONS,
  async run(input) {
    const paths = input.words.map((word) => resolve(word))
    if (paths.length === 0)
      raise({
        category: 'invalid',
        code: 'cli.usage',
        message: 'Name the files or directories to load: salus load <files or directories...>.',
      })
    const phases = await findLoadFiles(paths)
    const files = phases.flat()
    return loadSession(input, {
      phases: phases.map((phase) => (context) => piecesOf(phase, context)),
      files: files.length,
      noun: 'file',
      total: files.reduce((sum, { bytes }) => sum + bytes, 0),
      name: JSON.stringify(paths.sort()),
    })
  },
}
