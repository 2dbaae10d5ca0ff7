import { didYouMean } from '@salus/server/kernel'
import type { Command, CommandInput, CommandOption } from './command.ts'
import { EXIT } from './exit-code.ts'

/** One of the things a command with several does: `salus keys rotate`. */
export interface Subcommand {
  name: string
  /** What follows the name. */
  usage: string
  /** Flags it takes beside the common ones. */
  flags: readonly string[]
  /** `words`: those behind the name. Resolves to the exit code. */
  run(input: CommandInput): Promise<number>
}

/** A command whose first word chooses what it does. Words it does not know, and options of another one, are misuse. */
export function withSubcommands(
  base: Pick<Command, 'name' | 'summary' | 'options' | 'notes'>,
  subcommands: readonly Subcommand[],
): Command {
  return {
    ...base,
    usage: subcommands.map(({ name, usage }) => `${name} ${usage}`.trimEnd()).join('\n'),
    async run(input) {
      const [first, ...words] = input.words
      const chosen = subcommands.find(({ name }) => name === first)
      if (!chosen) {
        const names = subcommands.map(({ name }) => name)
        if (first === undefined) return misuse(base.name, `Say what to do: ${names.join(', ')}.`)
        return misuse(base.name, `There is no "${first}"; there are ${names.join(', ')}.${didYouMean(first, names)}`)
      }
      const foreign = base.options.find(({ flag }) => input.options[flag] !== undefined && !chosen.flags.includes(flag))
      if (foreign) return misuse(base.name, `--${foreign.flag} is not for "${chosen.name}".`)
      return chosen.run({ ...input, words })
    },
  }
}

/** Say on standard error how the command is meant; the exit code for it. */
export function misuse(command: string, message: string): number {
  process.stderr.write(`salus ${command}: ${message} Run "salus ${command} --help".\n`)
  return EXIT.usage
}

/** The option's text; undefined when it was not given. */
export function textOption(input: CommandInput, flag: CommandOption['flag']): string | undefined {
  const value = input.options[flag]
  return typeof value === 'string' ? value : undefined
}

/** The option as a whole number from 1; undefined when it is not one. */
export function numberOption(input: CommandInput, flag: CommandOption['flag'], fallback: number): number | undefined {
  const text = textOption(input, flag)
  if (text === undefined) return fallback
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}
