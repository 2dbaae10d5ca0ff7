import { FaultError } from '@salus/server/kernel'

/** Exit codes of the CLI; stable, so that scripts can tell what happened. */
export const EXIT = {
  done: 0,
  /** Something unexpected: please report it. */
  failed: 1,
  /** Unknown command or option, or a word that names nothing there is. */
  usage: 2,
  /** A setting is wrong or missing. */
  configuration: 3,
  /** Port or data directory in use. */
  inUse: 4,
  /** Database absent, too old, newer than this Salus, or unreachable. */
  database: 5,
  /** No disk space left. */
  diskFull: 6,
  /** Keys missing, wrong or not usable. */
  keys: 7,
  /** A check found something wrong: audit verify, doctor. */
  found: 8,
  /** Some input was refused; the report says which. */
  refused: 9,
  /** The server does not answer, or refuses the client. */
  server: 10,
  /** Stopped by Ctrl-C or SIGTERM; the same command goes on where it ended. */
  interrupted: 130,
} as const

export function exitCodeOf(error: unknown): number {
  const code = error instanceof FaultError ? error.fault.code : ''
  if (code === 'db.disk-full') return EXIT.diskFull
  if (code === 'http.port-in-use' || code === 'db.data-dir-in-use') return EXIT.inUse
  if (code === 'cli.usage' || code === 'cli.option' || code.startsWith('cli.load.')) return EXIT.usage
  if (code === 'cli.no-client') return EXIT.configuration
  if (code.startsWith('cli.server') || code === 'cli.client-refused') return EXIT.server
  if (code.startsWith('config.') || code.startsWith('http.')) return EXIT.configuration
  if (code.startsWith('definitions.package.') || code.startsWith('terminology.load.')) return EXIT.refused
  if (code.startsWith('db.')) return EXIT.database
  if (code.startsWith('vault.') || code.startsWith('audit.key.')) return EXIT.keys
  const category = error instanceof FaultError ? error.fault.category : 'bug'
  // What was typed names nothing that is there: said in one line, nothing to report.
  return category === 'invalid' || category === 'not-found' ? EXIT.usage : EXIT.failed
}
