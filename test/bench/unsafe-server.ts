// A server whose sealing or audit is switched off, so that a benchmark can say what each of them costs.
// node test/bench/unsafe-server.ts [--without-sealing] [--without-audit]; otherwise as `salus start --json`.
import { createLog, type LogLevel, loadConfig } from '../../server/src/kernel/index.ts'
import { startEmbeddedPostgres } from '../../server/src/platform/db/index.ts'
import { migrateAll } from '../../server/src/roles/all.ts'
import { startServerProcess } from '../../server/src/roles/server-process.ts'

const config = loadConfig()
const log = createLog({ level: config.required('SALUS_LOG_LEVEL') as LogLevel })
const database = await startEmbeddedPostgres({ dataDir: config.dataPath(), log })
await migrateAll(config, database.url)
const running = await startServerProcess({
  config,
  databaseUrl: database.url,
  log,
  unsafe: {
    plaintext: process.argv.includes('--without-sealing'),
    withoutAudit: process.argv.includes('--without-audit'),
  },
})
process.stdout.write(`${JSON.stringify({ url: running.url, pid: process.pid })}\n`)
const stop = async (): Promise<void> => {
  try {
    await running.close()
  } finally {
    await database.stop()
  }
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
