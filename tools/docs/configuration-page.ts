import { SETTINGS } from '../../server/src/kernel/index.ts'
import { page, table } from './page.ts'

interface Setting {
  kind: string
  fallback?: string
  choices?: readonly string[]
  min?: number
  max?: number
  secret?: boolean
  help: string
}

/** Every environment variable the server reads. */
export function configurationPage(): string {
  const rows = Object.entries(SETTINGS as Record<string, Setting>).map(([name, setting]) => [
    `\`${name}\``,
    valueOf(setting),
    setting.fallback === undefined ? '' : `\`${setting.fallback}\``,
    `${setting.help}${setting.secret ? ' Secret: never printed.' : ''}`,
  ])
  return page('Configuration', '`server/src/kernel/config.ts`', [
    'All settings are environment variables, read once at start. An unknown `SALUS_*` variable or a bad value stops the start',
    'with one line that says what to do. Relative paths are taken from the directory the command is started in.',
    '',
    ...table(['Variable', 'Value', 'Default', 'Meaning'], rows),
  ])
}

function valueOf(setting: Setting): string {
  if (setting.choices) return setting.choices.map((choice) => `\`${choice}\``).join(', ')
  if (setting.kind === 'switch') return '`on`, `off`'
  if (setting.kind === 'integer') return `whole number, ${setting.min ?? 0} to ${setting.max ?? 'any'}`
  return setting.kind === 'url' ? 'URL' : setting.kind === 'port' ? 'TCP port' : setting.kind
}
