import assert from 'node:assert/strict'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { FaultError, loadConfig } from '#kernel'
import { signAwsRequest } from './aws-signature.ts'
import { rootKeyOf } from './choose.ts'
import type { RootKey } from './root-key.ts'

/** What a stand-in answers; undefined cuts the connection. */
type Answer = { status: number; body: unknown } | undefined
type Handler = (request: IncomingMessage, body: string) => Answer

let directory = ''
const servers: Server[] = []
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'salus-key-services-'))
})
after(async () => {
  for (const server of servers) server.close().closeAllConnections()
  await rm(directory, { recursive: true })
})

async function standIn(handler: Handler): Promise<{ url: string; calls: string[] }> {
  const calls: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      calls.push(`${request.method} ${request.url}`)
      const answer = handler(request, Buffer.concat(chunks).toString())
      if (!answer) return request.socket.destroy()
      response
        .writeHead(answer.status, { 'content-type': 'application/json' })
        .end(answer.body === undefined ? '' : JSON.stringify(answer.body))
    })
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, calls }
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

async function refuses(work: Promise<unknown>, code: string, category?: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof FaultError)
    assert.equal(error.fault.code, code)
    if (category) assert.equal(error.fault.category, category)
    assert.doesNotMatch(error.message, /hvs\.|AKIA|wJalr|token-1/)
    return true
  })
}

const place = { tenant: 1, epoch: 2 }
const branch = randomBytes(32)

/** Ciphertexts of a stand-in: they open under the same key name and context only. */
class StandInKey {
  readonly #sealed = new Map<string, { plain: string; context: string }>()
  seal(plain: string, context: string): string {
    const text = `sealed-${randomBytes(9).toString('base64url')}`
    this.#sealed.set(text, { plain, context })
    return text
  }
  open(text: string, context: string): string | undefined {
    const found = this.#sealed.get(text)
    return found?.context === context ? found.plain : undefined
  }
}

function transit(url: string, tokenFile: string, key = 'salus'): RootKey {
  return rootKeyOf(
    loadConfig({
      SALUS_ROOT_KEY: 'vault-transit',
      SALUS_VAULT_ADDR: url,
      SALUS_VAULT_TOKEN_FILE: tokenFile,
      SALUS_VAULT_TRANSIT_KEY: key,
    }),
  )
}

/** Answers as developer.hashicorp.com/vault/api-docs/secret/transit documents. */
function transitHandler(token: () => string): Handler {
  const sealed = new StandInKey()
  return (request, body) => {
    if (request.headers['x-vault-token'] !== token()) return { status: 403, body: { errors: ['permission denied'] } }
    if (request.headers['x-vault-request'] !== 'true' || request.method !== 'POST')
      return { status: 400, body: { errors: [] } }
    const input = JSON.parse(body) as { plaintext: string; ciphertext: string; associated_data: string }
    switch (request.url) {
      case '/v1/transit/encrypt/salus':
        assert.equal(Buffer.from(input.plaintext, 'base64').length, 32)
        return {
          status: 200,
          body: {
            data: { ciphertext: `vault:v1:${sealed.seal(input.plaintext, input.associated_data)}`, key_version: 1 },
          },
        }
      case '/v1/transit/decrypt/salus': {
        const plaintext = sealed.open(input.ciphertext.replace('vault:v1:', ''), input.associated_data)
        return plaintext
          ? { status: 200, body: { data: { plaintext } } }
          : { status: 400, body: { errors: ['cipher: message authentication failed'] } }
      }
      case '/v1/transit/keys/salus/rotate':
        return { status: 204, body: undefined }
      default:
        return { status: 404, body: { errors: [] } }
    }
  }
}

test('Vault Transit: wraps and unwraps for one branch key, with the token its file holds now', async () => {
  let token = 'hvs.first'
  const { url, calls } = await standIn(transitHandler(() => token))
  const tokenFile = await file('token', `${token}\n`)
  const root = transit(url, tokenFile)
  await root.prepare({ mayCreate: true })
  const wrapped = await root.wrap(branch, place)
  assert.match(wrapped.toString(), /^vault:v1:/)
  assert.deepEqual(await root.unwrap(wrapped, place), branch)
  await refuses(root.unwrap(wrapped, { tenant: 2, epoch: 2 }), 'vault.wrong-root-key')
  await refuses(root.unwrap(wrapped, { tenant: 1, epoch: 3 }), 'vault.wrong-root-key')
  token = 'hvs.second'
  await refuses(root.unwrap(wrapped, place), 'vault.root-key-forbidden')
  await file('token', token)
  assert.deepEqual(await root.unwrap(wrapped, place), branch)
  await root.rotate()
  await root.finishRotation()
  assert.equal(calls.at(-1), 'POST /v1/transit/keys/salus/rotate')
})

test('Vault Transit: a missing key or token file says what to do', async () => {
  const { url } = await standIn(transitHandler(() => 'hvs.first'))
  const root = transit(url, await file('token2', 'hvs.first'), 'unknown')
  await refuses(root.wrap(branch, place), 'vault.root-key-refused')
  await refuses(root.rotate(), 'vault.root-key-refused')
  const { url: other } = await standIn(() => ({ status: 200, body: 'not what Vault answers' }))
  await refuses(transit(other, await file('token3', 'hvs.first')).wrap(branch, place), 'vault.root-key-refused')
  const tokenFile = await file('token4', 'hvs.first')
  const lost = transit(url, tokenFile)
  await rm(tokenFile)
  await refuses(lost.wrap(branch, place), 'vault.root-key-credentials')
})

test('a hiccup is ridden out, an outage is reported as unavailable, and a refusal is not repeated', async () => {
  const tokenFile = await file('token5', 'hvs.first')
  const good = transitHandler(() => 'hvs.first')
  const failures: Answer[] = [{ status: 503, body: {} }, undefined]
  const flaky = await standIn((request, body) => (failures.length > 0 ? failures.shift() : good(request, body)))
  assert.match((await transit(flaky.url, tokenFile).wrap(branch, place)).toString(), /^vault:v1:/)
  assert.equal(flaky.calls.length, 3)
  const down = await standIn(() => ({ status: 429, body: {} }))
  await refuses(transit(down.url, tokenFile).wrap(branch, place), 'vault.root-key-unavailable', 'unavailable')
  assert.equal(down.calls.length, 3)
  const refusing = await standIn(() => ({ status: 403, body: {} }))
  await refuses(transit(refusing.url, tokenFile).wrap(branch, place), 'vault.root-key-forbidden')
  assert.equal(refusing.calls.length, 1)
  const endless = await standIn(() => ({ status: 200, body: 'x'.repeat(100_000) }))
  await refuses(transit(endless.url, tokenFile).wrap(branch, place), 'vault.root-key-unavailable')
})

const ACCESS_KEY = 'AKIDEXAMPLE'
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const KEY_ID = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd'

async function kms(
  url: string,
  credentials = `[default]\naws_access_key_id = ${ACCESS_KEY}\naws_secret_access_key = ${SECRET_KEY}\n`,
): Promise<RootKey> {
  const credentialsFile = await file(`aws-${randomBytes(4).toString('hex')}`, credentials)
  return rootKeyOf(
    loadConfig({
      SALUS_ROOT_KEY: 'aws-kms',
      SALUS_AWS_KMS_KEY_ID: KEY_ID,
      SALUS_AWS_REGION: 'eu-central-1',
      SALUS_AWS_KMS_ENDPOINT: url,
      SALUS_AWS_CREDENTIALS_FILE: credentialsFile,
    }),
  )
}

/** Checks the signature from what arrived, written apart from the signer. */
function signatureFault(request: IncomingMessage, body: string, secretKey: string): string | undefined {
  const parts = /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? '',
  )
  if (!parts) return 'MissingAuthenticationTokenException'
  const [, credential = '', signed = '', signature] = parts
  const [access, date, region, service, end] = credential.split('/') as [string, string, string, string, string]
  const stamp = String(request.headers['x-amz-date'])
  const age = Date.now() - Date.parse(stamp.replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5'))
  if (
    access !== ACCESS_KEY ||
    region !== 'eu-central-1' ||
    service !== 'kms' ||
    end !== 'aws4_request' ||
    !stamp.startsWith(date)
  )
    return 'UnrecognizedClientException'
  if (!(Math.abs(age) < 300_000)) return 'InvalidSignatureException'
  for (const needed of ['host', 'x-amz-date', 'x-amz-target', 'content-type'])
    if (!signed.split(';').includes(needed)) return 'InvalidSignatureException'
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name])}\n`)
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
  const canonical = `POST\n/\n\n${headers.join('')}\n${signed}\n${hash(body)}`
  const toSign = `AWS4-HMAC-SHA256\n${stamp}\n${date}/${region}/${service}/aws4_request\n${hash(canonical)}`
  const key = mac(mac(mac(mac(`AWS4${secretKey}`, date), region), service), 'aws4_request')
  return mac(key, toSign).toString('hex') === signature ? undefined : 'InvalidSignatureException'
}

/** Answers as docs.aws.amazon.com/kms/latest/APIReference documents Encrypt and Decrypt. */
function kmsHandler(): Handler {
  const sealed = new StandInKey()
  return (request, body) => {
    const fault = signatureFault(request, body, SECRET_KEY)
    if (fault) return { status: 400, body: { __type: fault } }
    assert.equal(request.headers['content-type'], 'application/x-amz-json-1.1')
    const input = JSON.parse(body) as {
      KeyId: string
      EncryptionContext: object
      Plaintext: string
      CiphertextBlob: string
    }
    assert.equal(input.KeyId, KEY_ID)
    const context = JSON.stringify(input.EncryptionContext)
    assert.match(context, /^\{"salus:tenant":"\d+","salus:epoch":"\d+"\}$/)
    if (request.headers['x-amz-target'] === 'TrentService.Encrypt')
      return {
        status: 200,
        body: { CiphertextBlob: Buffer.from(sealed.seal(input.Plaintext, context)).toString('base64'), KeyId: KEY_ID },
      }
    assert.equal(request.headers['x-amz-target'], 'TrentService.Decrypt')
    const plain = sealed.open(Buffer.from(input.CiphertextBlob, 'base64').toString(), context)
    return plain
      ? { status: 200, body: { Plaintext: plain, KeyId: KEY_ID } }
      : { status: 400, body: { __type: 'com.amazonaws.kms#InvalidCiphertextException' } }
  }
}

test('AWS KMS: signed requests wrap and unwrap for one branch key', async () => {
  const { url } = await standIn(kmsHandler())
  const root = await kms(url)
  await root.prepare({ mayCreate: true })
  const wrapped = await root.wrap(branch, place)
  assert.deepEqual(await root.unwrap(wrapped, place), branch)
  await refuses(root.unwrap(wrapped, { tenant: 1, epoch: 1 }), 'vault.wrong-root-key')
  await root.rotate()
  await root.finishRotation()
})

test('AWS KMS: wrong credentials, an unusable key and a missing file are told apart', async () => {
  const { url } = await standIn(kmsHandler())
  await refuses(
    (await kms(url, `aws_access_key_id=${ACCESS_KEY}\naws_secret_access_key=other\n`)).wrap(branch, place),
    'vault.root-key-forbidden',
  )
  await refuses((await kms(url, 'nothing of use')).wrap(branch, place), 'vault.root-key-credentials')
  const faults: [string, string, string][] = [
    ['DisabledException', 'vault.root-key-refused', 'invalid'],
    ['ThrottlingException', 'vault.root-key-unavailable', 'unavailable'],
    ['AccessDeniedException', 'vault.root-key-forbidden', 'forbidden'],
    ['NotFoundException', 'vault.wrong-root-key', 'invalid'],
  ]
  for (const [type, code, category] of faults) {
    const refusing = await standIn(() => ({ status: 400, body: { __type: type } }))
    await refuses((await kms(refusing.url)).unwrap(branch, place), code, category)
  }
  const empty = await standIn(() => ({ status: 200, body: {} }))
  await refuses((await kms(empty.url)).wrap(branch, place), 'vault.root-key-refused')
})

test('AWS KMS: a session token is sent and signed', async () => {
  let seen: string | undefined
  const inner = kmsHandler()
  const { url } = await standIn((request, body) => {
    seen = request.headers['x-amz-security-token'] as string
    assert.match(String(request.headers.authorization), /x-amz-security-token/)
    return inner(request, body)
  })
  const root = await kms(
    url,
    `aws_access_key_id=${ACCESS_KEY}\naws_secret_access_key=${SECRET_KEY}\naws_session_token=token-1\n`,
  )
  await root.wrap(branch, place)
  assert.equal(seen, 'token-1')
})

test('the signature equals the published examples of AWS (sigv4 test suite: get-vanilla, post-vanilla)', () => {
  const published = {
    GET: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    POST: '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  }
  for (const [method, signature] of Object.entries(published)) {
    const now = Date.UTC(2015, 7, 30, 12, 36)
    const request = {
      method,
      url: new URL('https://example.amazonaws.com/'),
      headers: {},
      body: '',
      region: 'us-east-1',
      service: 'service',
      now,
    }
    const { authorization } = signAwsRequest(request, { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY })
    assert.ok(authorization?.endsWith(`Signature=${signature}`))
  }
})
