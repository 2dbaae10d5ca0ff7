import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { page, table } from './page.ts'

interface Command {
  name: string
  summary: string
  usage: string
  options: { flag: string; help: string }[]
}

/** Every command of `salus`; undefined while the command-line program has no command table. */
export async function cliPage(root: string): Promise<string | undefined> {
  const path = join(root, 'apps', 'cli', 'src', 'commands.ts')
  if (!existsSync(path)) return undefined
  const module = (await import(pathToFileURL(path).href)) as { COMMANDS?: readonly Command[] }
  if (module.COMMANDS === undefined) return undefined
  return page('The salus command', '`apps/cli/src/commands.ts`', [
    'Run it as `npx salus <command>`, or `npm run salus -- <command>`.',
    '',
    ...module.COMMANDS.flatMap(section),
  ])
}

function section(command: Command): string[] {
  const options = command.options.map(({ flag, help }) => [`\`${flag}\``, help])
  return [
    `## ${command.name}`,
    '',
    command.summary,
    '',
    '```',
    command.usage,
    '```',
    '',
    ...(options.length > 0 ? [...table(['Option', 'Meaning'], options), ''] : []),
  ]
}
