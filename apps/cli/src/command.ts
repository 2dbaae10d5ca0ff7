import { type ParseArgsConfig, parseArgs } from 'node:util'

/** One option of a command, as parsed by node:util. */
export interface CommandOption {
  /** Name without dashes. */
  flag: string
  kind: 'boolean' | 'string'
  help: string
  /** Several values may be given. */
  multiple?: boolean
}

export interface CommandInput {
  /** Words after the command and its options. */
  words: string[]
  options: Record<string, string | boolean | (string | boolean)[] | undefined>
  /** `--json`: one JSON document on standard output instead of text for people. */
  json: boolean
}

export interface Command {
  name: string
  summary: string
  /** What follows the name: `<files or directories...>`. One line for each way to use it. */
  usage: string
  /** What else the help has to say, a paragraph each. */
  notes?: readonly string[]
  options: readonly CommandOption[]
  /** Resolves to the exit code. */
  run(input: CommandInput): Promise<number>
}

/** Every command also takes these. */
const COMMON: readonly CommandOption[] = [
  { flag: 'json', kind: 'boolean', help: 'Print one JSON document instead of text.' },
  { flag: 'help', kind: 'boolean', help: 'Show this help.' },
]

/** Parse what follows the command's name. Throws a TypeError that names the option when one is unknown. */
export function parseCommand(command: Command, args: string[]): CommandInput & { help: boolean } {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const option of [...COMMON, ...command.options])
    options[option.flag] = { type: option.kind, ...(option.multiple ? { multiple: true } : {}) }
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true })
  return {
    words: positionals,
    options: values,
    json: values['json'] === true,
    help: values['help'] === true,
  }
}

/** What may be typed, with its dashes. */
export function optionFlags(command: Command): string[] {
  return [...COMMON, ...command.options].map(({ flag }) => `--${flag}`)
}

export function helpOf(command: Command): string {
  const options = [...command.options, ...COMMON]
  const width = Math.max(...options.map(({ flag }) => flag.length)) + 2
  return [
    `${command.summary}`,
    '',
    ...command.usage.split('\n').map((line) => `  salus ${command.name} ${line}`.trimEnd()),
    '',
    ...options.map(({ flag, help }) => `  --${flag.padEnd(width)}${help}`),
    '',
    ...(command.notes ?? []).flatMap((note) => [note, '']),
  ].join('\n')
}
