import { didYouMean, FaultError, VERSION } from '@salus/server/kernel'
import { helpOf, optionFlags, parseCommand } from './command.ts'
import { COMMANDS } from './commands.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'

/** `salus <command> [options]`: find the command, run it, turn what goes wrong into one line and an exit code. */
async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(overview())
    return name === undefined ? EXIT.usage : EXIT.done
  }
  if (name === '--version') {
    process.stdout.write(`${VERSION}\n`)
    return EXIT.done
  }
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (!command) {
    const near = didYouMean(
      name,
      COMMANDS.map((candidate) => candidate.name),
    )
    process.stderr.write(`salus: there is no command "${name}".${near} Run "salus --help".\n`)
    return EXIT.usage
  }
  let input: ReturnType<typeof parseCommand>
  try {
    input = parseCommand(command, rest)
  } catch (error) {
    const [message = ''] = (error as Error).message.split('. To ')
    const option = /^Unknown option '(--[^']+)'/.exec(message)?.[1]
    const near = option === undefined ? '' : didYouMean(option, optionFlags(command))
    process.stderr.write(`salus ${name}: ${message}.${near} Run "salus ${name} --help".\n`)
    return EXIT.usage
  }
  if (input.help) {
    process.stdout.write(helpOf(command))
    return EXIT.done
  }
  return command.run(input)
}

function overview(): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length)) + 2
  const lines = COMMANDS.map((command) => `  ${command.name.padEnd(width)}${command.summary}`)
  return `Salus: a sealed, audited FHIR R4 record.\n\nCommands:\n${lines.join('\n')}\n\nsalus <command> --help tells more; salus --version tells the version. Settings: docs/reference/configuration.md\n`
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof FaultError) process.stderr.write(`salus: ${error.fault.message} [${error.fault.code}]\n`)
  else
    process.stderr.write(
      `salus: unexpected failure.\n${error instanceof Error ? (error.stack ?? error.name) : String(error)}\n`,
    )
  process.exitCode = exitCodeOf(error)
}
