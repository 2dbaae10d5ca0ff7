import { readFile } from 'node:fs/promises'
import { loadConfig, raise } from '@salus/server/kernel'
import type { Command, CommandInput, CommandOption } from './command.ts'
import { EXIT } from './exit-code.ts'

/** The client a first start wrote, or the bootstrap client of the environment. */
export async function clientCredentials(): Promise<{ id: string; secret: string }> {
  const config = loadConfig()
  const bootstrap = config.get('SALUS_BOOTSTRAP_CLIENT')
  if (bootstrap !== undefined) {
    const colon = bootstrap.indexOf(':')
    return { id: bootstrap.slice(0, colon), secret: bootstrap.slice(colon + 1) }
  }
  const path = config.dataPath('client.json')
  const text = await readFile(path, 'utf8').catch(() => {
    raise({
      category: 'invalid',
      code: 'cli.no-client',
      message: `There is no ${path}. Start the server once, or give --client and --secret-file.`,
    })
  })
  const file = JSON.parse(text) as { client_id?: string; client_secret?: string; id?: string; secret?: string }
  return { id: file.client_id ?? file.id ?? '', secret: file.client_secret ?? file.secret ?? '' }
}

/** Where the running server is, as the settings say. */
export function serverUrl(given?: string): string {
  if (given !== undefined) return given.replace(/\/+$/, '')
  const config = loadConfig()
  const scheme = config.get('SALUS_TLS_CERT') === undefined ? 'http' : 'https'
  const host = config.required('SALUS_HTTP_HOST')
  return (
    config.get('SALUS_PUBLIC_URL')?.replace(/\/+$/, '') ??
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${config.required('SALUS_HTTP_PORT')}`
  )
}

/** An access token by client credentials. */
export async function fetchToken(
  url: string,
  client: { id: string; secret: string },
  scope?: string,
): Promise<AccessToken> {
  const response = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }),
  }).catch((error: unknown) => {
    raise(
      {
        category: 'unavailable',
        code: 'cli.server-away',
        message: `No server answers at ${url}. Start it with "npm start", or give --url.`,
      },
      error,
    )
  })
  const answer = (await response.json().catch(() => ({}))) as Partial<AccessToken> & {
    error?: string
    error_description?: string
  }
  if (response.status === 429 || response.status === 503)
    raise({
      category: 'busy',
      code: 'cli.server-busy',
      message: `The server at ${url} is busy. Try again in a moment.`,
    })
  if (answer.access_token === undefined)
    raise({
      category: 'unauthenticated',
      code: 'cli.client-refused',
      message: `The server at ${url} refused the client: ${answer.error_description ?? answer.error ?? response.status}.`,
    })
  return answer as AccessToken
}

export interface AccessToken {
  access_token: string
  expires_in: number
  scope: string
}

/** Options of every command that asks the server for a token. */
export const CLIENT_OPTIONS: readonly CommandOption[] = [
  { flag: 'client', kind: 'string', help: 'Another client id; its secret is read from --secret-file.' },
  { flag: 'secret-file', kind: 'string', help: 'File with the secret of --client.' },
]

/** The client of the options, or the one that the first start wrote. */
export async function clientOf(options: CommandInput['options']): Promise<{ id: string; secret: string }> {
  const { client, 'secret-file': file } = options
  if (client === undefined) return clientCredentials()
  const secret = typeof file === 'string' ? await readFile(file, 'utf8').catch(() => undefined) : undefined
  if (secret === undefined)
    raise({
      category: 'invalid',
      code: 'cli.no-client',
      message: '--client needs --secret-file, a file that can be read.',
    })
  return { id: String(client), secret: secret.trim() }
}

export const token: Command = {
  name: 'token',
  summary: 'Print an access token of the client that the first start wrote.',
  usage: '',
  options: [
    { flag: 'url', kind: 'string', help: 'Address of the server. Default: as configured.' },
    {
      flag: 'scope',
      kind: 'string',
      help: 'Scopes to ask for, e.g. "system/Patient.rs". Default: all the client has.',
    },
    ...CLIENT_OPTIONS,
  ],
  async run({ options, json }) {
    const client = await clientOf(options)
    const answer = await fetchToken(
      serverUrl(options['url'] as string | undefined),
      client,
      options['scope'] as string | undefined,
    )
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${answer.access_token}\n`)
    return EXIT.done
  },
}
