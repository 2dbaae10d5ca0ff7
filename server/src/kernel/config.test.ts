import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from './config.ts'
import { FaultError } from './fault.ts'

const refused = (environment: NodeJS.ProcessEnv, code: string): string => {
  try {
    loadConfig(environment)
  } catch (error) {
    assert.ok(error instanceof FaultError)
    assert.equal(error.fault.code, code)
    return error.fault.message
  }
  return assert.fail(`${JSON.stringify(environment)} was accepted`)
}

test('without any setting Salus listens on loopback with its own database', () => {
  const config = loadConfig({ HOME: '/nowhere', PATH: '' })
  assert.equal(config.required('SALUS_HTTP_HOST'), '127.0.0.1')
  assert.equal(config.integer('SALUS_HTTP_PORT'), 8420)
  assert.equal(config.get('SALUS_DATABASE_URL'), undefined)
  assert.equal(config.production, false)
  assert.equal(config.enabled('SALUS_DEMO'), false)
})

test('an unknown setting is refused and the nearest one named', () => {
  assert.match(refused({ SALUS_HTTP_PROT: '1' }, 'config.unknown'), /SALUS_HTTP_PORT/)
  assert.doesNotMatch(refused({ SALUS_COFFEE_TEMPERATURE: '1' }, 'config.unknown'), /Did you mean/)
})

test('bad values are refused with what is wanted; secrets are not repeated', () => {
  assert.match(refused({ SALUS_HTTP_PORT: '70000' }, 'config.bad-value'), /0 to 65535, not "70000"/)
  refused({ SALUS_WORKERS: '0' }, 'config.bad-value')
  refused({ SALUS_DEMO: 'yes' }, 'config.bad-value')
  refused({ SALUS_PROFILE: 'staging' }, 'config.bad-value')
  assert.doesNotMatch(refused({ SALUS_DATABASE_URL: 'hunter2' }, 'config.bad-value'), /hunter2/)
  assert.doesNotMatch(refused({ SALUS_BOOTSTRAP_CLIENT: 'dev:hunter2' }, 'config.bad-value'), /hunter2/)
})

test('settings that do not fit together are refused', () => {
  refused({ SALUS_TLS_CERT: '/x.pem' }, 'config.tls-half')
  refused({ SALUS_TLS_CERT: '/absent.pem', SALUS_TLS_KEY: '/absent.key' }, 'config.unreadable-file')
  refused({ SALUS_HTTP_HOST: '0.0.0.0' }, 'config.plain-beyond-loopback')
  assert.equal(
    loadConfig({ SALUS_HTTP_HOST: '0.0.0.0', SALUS_TRUSTED_PROXY: '10.0.0.1' }).get('SALUS_TRUSTED_PROXY'),
    '10.0.0.1',
  )
})

test('production refuses bootstrap clients and demo data', () => {
  refused(
    { SALUS_PROFILE: 'production', SALUS_BOOTSTRAP_CLIENT: 'dev:secret-enough' },
    'config.bootstrap-in-production',
  )
  refused({ SALUS_PROFILE: 'production', SALUS_DEMO: 'on' }, 'config.demo-in-production')
})

test('a setting that is needed and absent is named', () => {
  assert.throws(
    () => loadConfig({}).required('SALUS_AWS_KMS_KEY_ID'),
    (error) =>
      error instanceof FaultError &&
      error.fault.code === 'config.missing' &&
      error.message.includes('SALUS_AWS_KMS_KEY_ID'),
  )
})
