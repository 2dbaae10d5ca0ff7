import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, FaultError, loadConfig, systemClock } from '#kernel'
import { openPlatform } from './platform.ts'

test('production never runs without sealing or audit, whoever asks', async () => {
  const config = loadConfig({ SALUS_PROFILE: 'production' })
  const log = createLog({ level: 'error' })
  for (const unsafe of [{ plaintext: true }, { withoutAudit: true }])
    await assert.rejects(
      // The address is never used: the refusal comes before anything is opened.
      openPlatform({
        config,
        databaseUrl: 'postgres://127.0.0.1:1/none',
        origin: 'http://127.0.0.1',
        clock: systemClock,
        log,
        unsafe,
      }),
      (error) => error instanceof FaultError && error.fault.code === 'roles.unsafe-in-production',
    )
})
