import { readFile } from 'node:fs/promises'
import { type Clock, raise } from '#kernel'
import { type AwsCredentials, signAwsRequest } from './aws-signature.ts'
import { callKeyService, type RemoteAnswer, refusedByKeyService } from './remote-call.ts'
import { type BranchPlace, type RootKey, wrongRootKey } from './root-key.ts'

const SERVICE = 'AWS KMS'

/** Error types that mean: wrapped under another key, or for another place. */
const WRONG_KEY = new Set([
  'InvalidCiphertextException',
  'IncorrectKeyException',
  'NotFoundException',
  'InvalidKeyUsageException',
])
const FORBIDDEN = new Set([
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
])
/** The service is there, but this key is not usable now: AWS asks to retry these. */
const PASSING = new Set([
  'ThrottlingException',
  'KMSInternalException',
  'DependencyTimeoutException',
  'KeyUnavailableException',
])

/**
 * The root key inside AWS KMS (a symmetric key); it never leaves KMS. The place of a branch key is its encryption
 * context, which CloudTrail shows: it holds numbers only. Credentials are read from their file at each call, so that
 * they may be renewed while Salus runs. Rotation of the key's material is done in KMS (automatic or on demand); Salus
 * then only wraps its branch keys anew.
 * API: https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html
 */
export function awsKms(options: {
  region: string
  keyId: string
  endpoint: string
  credentialsFile: string
  clock: Clock
}): RootKey {
  const call = async (action: 'Encrypt' | 'Decrypt', payload: Record<string, unknown>): Promise<RemoteAnswer> => {
    const body = JSON.stringify({ KeyId: options.keyId, ...payload })
    const answer = await callKeyService(SERVICE, async () => {
      const url = new URL(options.endpoint)
      const headers = signAwsRequest(
        {
          method: 'POST',
          url,
          headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}` },
          body,
          region: options.region,
          service: 'kms',
          now: options.clock.now(),
        },
        await readCredentials(options.credentialsFile),
      )
      const { host: _set, ...sent } = headers
      return { url: url.href, method: 'POST', headers: sent, body }
    })
    if (answer.status === 200) return answer
    return refused(answer)
  }
  return {
    provider: 'aws-kms',
    prepare: async () => undefined,
    async wrap(branchKey, place) {
      const { json } = await call('Encrypt', {
        Plaintext: branchKey.toString('base64'),
        EncryptionContext: context(place),
      })
      return Buffer.from(textField(json, 'CiphertextBlob'), 'base64')
    },
    async unwrap(wrapped, place) {
      const { json } = await call('Decrypt', {
        CiphertextBlob: wrapped.toString('base64'),
        EncryptionContext: context(place),
      })
      return Buffer.from(textField(json, 'Plaintext'), 'base64')
    },
    rotate: async () => undefined,
    finishRotation: async () => undefined,
  }
}

function context({ tenant, epoch }: BranchPlace): Record<string, string> {
  return { 'salus:tenant': String(tenant), 'salus:epoch': String(epoch) }
}

function refused({ status, json }: RemoteAnswer): never {
  const type = text(json['__type']).split('#').at(-1) ?? ''
  if (WRONG_KEY.has(type)) return wrongRootKey()
  if (FORBIDDEN.has(type) || status === 403) return refusedByKeyService(SERVICE)
  return raise({
    category: PASSING.has(type) ? 'unavailable' : 'invalid',
    code: PASSING.has(type) ? 'vault.root-key-unavailable' : 'vault.root-key-refused',
    message: `${SERVICE} answered ${status} ${type}. Check SALUS_AWS_KMS_KEY_ID, SALUS_AWS_REGION and the state of the key.`,
  })
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textField(json: Record<string, unknown>, field: string): string {
  const value = json[field]
  return typeof value === 'string' ? value : refused({ status: 200, json: {} })
}

async function readCredentials(path: string): Promise<AwsCredentials> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const values = new Map([...text.matchAll(/^\s*(aws_\w+)\s*=\s*(\S+)\s*$/gm)].map((match) => [match[1], match[2]]))
  const accessKeyId = values.get('aws_access_key_id')
  const secretAccessKey = values.get('aws_secret_access_key')
  const sessionToken = values.get('aws_session_token')
  if (!accessKeyId || !secretAccessKey)
    return raise({
      category: 'invalid',
      code: 'vault.root-key-credentials',
      message: `${path} must hold the lines aws_access_key_id = ... and aws_secret_access_key = .... Check SALUS_AWS_CREDENTIALS_FILE.`,
    })
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
}
