import crypto, { createHash, createHmac, createSecretKey } from 'node:crypto'
import { RESOURCE_TYPES } from '@salus/fhir-model'
import { FaultError, raise } from '#kernel'
import { dictionaryBytes, dictionaryNumber } from './dictionaries.ts'
import { openEnvelope, sealEnvelope } from './envelope.ts'
import { hmacDigest, hmacKey } from './hmac.ts'
import { newKeyBytes, PatientKey } from './keys.ts'

/** SHA-256 over all dictionaries of the first generation in order. A changed dictionary makes stored bodies unreadable. */
const DICTIONARIES_SHA256 = 'c48c5d77e018ecf8e50beeafe077bcf8b1849b7ffeaa1fbf03906f1dc6d62ced'

/**
 * Prove before anything is served that what the vault relies on works in this process: AES-256-GCM seals, opens and
 * refuses a changed body; our HMAC equals node:crypto's; the dictionaries are those that bodies were sealed with; and,
 * when FIPS mode is required, that it is in force. Faults `vault.self-test`, `vault.fips-not-effective`.
 */
export function selfTest(options: { fips: boolean; dictionariesSha256?: string }): void {
  if (options.fips) requireEffectiveFips()
  checkHmac(options.fips ? 'native' : 'javascript')
  checkDictionaries(options.dictionariesSha256 ?? DICTIONARIES_SHA256)
  checkEnvelope()
}

/**
 * `getFips()` proves nothing by itself: stock builds of Node.js answer 1 and then fail to seal. So a real seal must
 * succeed, and a digest that FIPS 140 does not approve must be refused.
 */
function requireEffectiveFips(): void {
  const before = crypto.getFips()
  try {
    if (before === 0) crypto.setFips(true)
    if (crypto.getFips() !== 1) throw new Error('FIPS mode is off')
    checkEnvelope()
    if (succeeds(() => createHash('md5').update('salus').digest())) throw new Error('MD5 is available')
  } catch (error) {
    if (before === 0) succeeds(() => crypto.setFips(false))
    raise(
      {
        category: 'unsupported',
        code: 'vault.fips-not-effective',
        message:
          'SALUS_FIPS=on, but this Node.js has no working FIPS provider. Run a Node.js built against a validated OpenSSL FIPS provider, or unset SALUS_FIPS.',
      },
      error,
    )
  }
}

function succeeds(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

/** Lengths on both sides of the block limits, and text that is not ASCII. */
const HMAC_SAMPLES = [
  '',
  'a',
  'x'.repeat(55),
  'x'.repeat(56),
  'x'.repeat(64),
  'é'.repeat(60),
  '漢字😀',
  'x'.repeat(5000),
]

function checkHmac(implementation: 'javascript' | 'native'): void {
  const key = newKeyBytes()
  const ours = hmacKey(key, implementation)
  const reference = createSecretKey(key)
  for (const sample of HMAC_SAMPLES)
    if (!hmacDigest(ours, sample).equals(createHmac('sha256', reference).update(sample, 'utf8').digest()))
      failed('HMAC-SHA-256 differs from node:crypto')
}

function checkDictionaries(expected: string): void {
  const hash = createHash('sha256')
  for (let type = 0; type <= RESOURCE_TYPES.length; type++)
    hash.update(dictionaryBytes(dictionaryNumber(type)) ?? failed('a dictionary is missing'))
  if (hash.digest('hex') !== expected) failed('the compression dictionaries were changed')
}

function checkEnvelope(): void {
  const key = new PatientKey(1, 1)
  key.add(1, createSecretKey(newKeyBytes()))
  const aad = { tenant: 1, type: 1, rid: 1, version: 1, patient: 1 }
  const plain = Buffer.from('{"resourceType":"Basic"}')
  const sealed = sealEnvelope(key, aad, plain, { dictionaryType: 1, unsafePlaintext: false })
  if (!openEnvelope(key, aad, sealed, { unsafePlaintext: false }).equals(plain)) failed('a sealed body did not open')
  sealed[sealed.length - 1] = (sealed.at(-1) as number) ^ 1
  if (succeeds(() => openEnvelope(key, aad, sealed, { unsafePlaintext: false })))
    failed('a changed body was not noticed')
}

function failed(what: string): never {
  throw new FaultError({
    category: 'bug',
    code: 'vault.self-test',
    message: `The vault's self-test failed: ${what}. Nothing was opened. Reinstall Salus and Node.js, and check the machine's memory.`,
  })
}
