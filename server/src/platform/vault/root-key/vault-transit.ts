import { readFile } from 'node:fs/promises'
import { raise } from '#kernel'
import { callKeyService, type RemoteAnswer, refusedByKeyService } from './remote-call.ts'
import { type BranchPlace, type RootKey, wrongRootKey } from './root-key.ts'

const SERVICE = 'HashiCorp Vault'

/**
 * The root key inside HashiCorp Vault's Transit engine; it never leaves Vault. The key must be of an AEAD type
 * (aes256-gcm96 is the default), because the place of a branch key travels as `associated_data`.
 * The token is read from its file at each call, so that Vault Agent may renew it.
 * API: https://developer.hashicorp.com/vault/api-docs/secret/transit
 */
export function vaultTransit(options: { address: string; tokenFile: string; keyName: string }): RootKey {
  const call = async (action: string, body: Record<string, unknown>): Promise<RemoteAnswer> => {
    const answer = await callKeyService(SERVICE, async () => ({
      url: new URL(`v1/transit/${action}`, withSlash(options.address)).href,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-vault-request': 'true',
        'x-vault-token': await readToken(options.tokenFile),
      },
      body: JSON.stringify(body),
    }))
    if (answer.status === 403) refusedByKeyService(SERVICE)
    return answer
  }
  const name = encodeURIComponent(options.keyName)
  return {
    provider: 'vault-transit',
    // A key that may not be created on purpose is not created by accident: Vault's administrator makes it.
    prepare: async () => undefined,
    async wrap(branchKey, place) {
      const { status, json } = await call(`encrypt/${name}`, {
        plaintext: branchKey.toString('base64'),
        associated_data: placeText(place),
      })
      const ciphertext = dataField(json, 'ciphertext')
      return status === 200 && ciphertext !== undefined ? Buffer.from(ciphertext, 'latin1') : unexpected(status)
    },
    async unwrap(wrapped, place) {
      const { status, json } = await call(`decrypt/${name}`, {
        ciphertext: wrapped.toString('latin1'),
        associated_data: placeText(place),
      })
      // 400 is Vault's answer to a ciphertext of another key, and to one whose key version was removed.
      if (status === 400 || status === 404) return wrongRootKey()
      const plaintext = dataField(json, 'plaintext')
      return status === 200 && plaintext !== undefined ? Buffer.from(plaintext, 'base64') : unexpected(status)
    },
    async rotate() {
      const { status } = await call(`keys/${name}/rotate`, {})
      if (status !== 200 && status !== 204) unexpected(status)
    },
    finishRotation: async () => undefined,
  }
}

function dataField(json: Record<string, unknown>, field: string): string | undefined {
  const value = (json['data'] as Record<string, unknown> | undefined)?.[field]
  return typeof value === 'string' ? value : undefined
}

function placeText({ tenant, epoch }: BranchPlace): string {
  return Buffer.from(`salus/${tenant}/${epoch}`).toString('base64')
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    return raise(
      {
        category: 'invalid',
        code: 'vault.root-key-credentials',
        message: `Cannot read the Vault token from ${path}. Check SALUS_VAULT_TOKEN_FILE.`,
      },
      error,
    )
  }
}

function withSlash(address: string): string {
  return address.endsWith('/') ? address : `${address}/`
}

function unexpected(status: number): never {
  return raise({
    category: 'invalid',
    code: 'vault.root-key-refused',
    message: `${SERVICE} answered ${status}. Check that the Transit engine is mounted at transit/ and that SALUS_VAULT_TRANSIT_KEY names a key of an AEAD type.`,
  })
}
