import { readFile } from 'node:fs/promises'
import { loadConfig } from '@salus/server/kernel'
import type { Command } from './command.ts'
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
    throw new Error(`There is no ${path}. Start the server once, or give --client and --secret-file.`)
  })
  const file = JSON.parse(text) as { client_id?: string; client_secret?: string; id?: string; secret?: string }
  return { id: file.client_id ?? file.id ?? '', secret: file.client_secret ?? file.secret ?? '' }
}

/** Where the running server is, as the settings say. */
export function serverUrl(given?: string): string {
  if (given !== undefined) return given.replace(/\/+$/, '')
  const config = loadConfig()
  return (
    config.get('SALUS_PUBLIC_URL') ??
    `http://${config.required('SALUS_HTTP_HOST')}:${config.required('SALUS_HTTP_PORT')}`
  )
}

/** An access token by client credentials. */
export async function fetchToken(
  url: string,
  client: { id: string; secret: string },
  scope?: string,
): Promise<{ access_token: string; expires_in: number; scope: string }> {
  const response = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }),
  }).catch((error: unknown) => {
    throw new Error(`No server answers at ${url}. Start it with "npm start", or give --url.`, { cause: error })
  })
  const answer = (await response.json()) as {
    access_token?: string
    expires_in: number
    scope: string
    error?: string
    error_description?: string
  }
  if (answer.access_token === undefined)
    throw new Error(`The server refused the client: ${answer.error_description ?? answer.error ?? response.status}.`)
  return answer as { access_token: string; expires_in: number; scope: string }
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
    { flag: 'client', kind: 'string', help: 'Another client id; its secret is read from --secret-file.' },
    { flag: 'secret-file', kind: 'string', help: 'File with the secret of --client.' },
  ],
  async run({ options, json }) {
    const client =
      options['client'] === undefined
        ? await clientCredentials()
        : { id: String(options['client']), secret: (await readFile(String(options['secret-file']), 'utf8')).trim() }
    const answer = await fetchToken(
      serverUrl(options['url'] as string | undefined),
      client,
      options['scope'] as string | undefined,
    )
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${answer.access_token}\n`)
    return EXIT.done
  },
}
