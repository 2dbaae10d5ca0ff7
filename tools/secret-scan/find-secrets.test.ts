import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findSecrets } from './find-secrets.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const FIXTURES = join(HERE, 'fixtures')

for (const name of readdirSync(FIXTURES))
  test(`the secret in ${name} is found once, at its line`, () => {
    const text = readFileSync(join(FIXTURES, name), 'utf8')
    const found = findSecrets(name, text)
    assert.equal(found.length, 1)
    assert.ok((found[0]?.line ?? 0) >= 1 && (found[0]?.line ?? 0) <= text.split('\n').length)
  })

test('names, placeholders, hashes and code are no secrets', () => {
  const text = [
    "const clientSecret = '<client secret>'",
    'const accessToken = createAccessTokenForClient(options)',
    "SALUS_BOOTSTRAP_CLIENT: 'demo:change-me-please'",
    'const tokenEndpointPath = "/oauth2/token/endpoint/path"',
    "sha256: '0f343b0931126a20f133d67c2b018a3b'",
    "const keyId = 'secret-key-of-the-first-tenant-of-all'",
    "-----BEGIN PRIVATE KEY-----', '-----END PRIVATE KEY-----'",
  ].join('\n')
  assert.deepEqual(findSecrets('a.ts', text), [])
})

test('the scan of a folder fails, and prints where but not what', () => {
  const scan = spawnSync(process.execPath, [join(HERE, '..', 'secret-scan.ts'), FIXTURES], { encoding: 'utf8' })
  assert.equal(scan.status, 1)
  assert.match(scan.stdout, /^aws\.ini:2 {2}AWS access key id/m)
  assert.match(scan.stdout, /^private-key\.pem:1 {2}private key/m)
  for (const name of readdirSync(FIXTURES))
    for (const word of readFileSync(join(FIXTURES, name), 'utf8').match(/[A-Za-z0-9+/]{20,}/g) ?? [])
      assert.ok(!scan.stdout.includes(word), `${name} is quoted`)
})
