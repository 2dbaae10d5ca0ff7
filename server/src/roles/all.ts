import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { collectMigrations, migrate, migrationDirs, startEmbeddedPostgres } from '#db'
import type { Config, Log } from '#kernel'
import { startServerProcess } from './server-process.ts'

export interface RunningServer {
  url: string
  notice: string | undefined
  close(): Promise<void>
}

/** The whole product in one command: database, migrations, and one or more server processes. */
export async function startAll(options: {
  config: Config
  log: Log
  onStep?: (step: string) => void
}): Promise<RunningServer> {
  const { config, log, onStep } = options
  const external = config.get('SALUS_DATABASE_URL')
  onStep?.(external === undefined ? 'starting the embedded database' : 'connecting to the database')
  const embedded = external === undefined ? await startEmbeddedPostgres({ dataDir: config.dataPath(), log }) : undefined
  const databaseUrl = embedded?.url ?? external ?? ''
  try {
    onStep?.('preparing the database')
    await migrateAll(config, databaseUrl)
    onStep?.('starting the server')
    const workers = config.integer('SALUS_WORKERS')
    const first = await startServerProcess({ config, databaseUrl, log, sharePort: workers > 1 })
    const others = workers > 1 ? startWorkers({ count: workers - 1, databaseUrl, log }) : undefined
    return {
      url: first.url,
      notice: first.notice,
      async close() {
        await Promise.all([others?.stop(), first.close()])
        await embedded?.stop()
      },
    }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

/** Migrations of all modules; the key store gets its own schema when it lives in a database of its own. */
export async function migrateAll(config: Config, databaseUrl: string): Promise<void> {
  const all = collectMigrations(migrationDirs(join(import.meta.dirname, '..')))
  await migrate(databaseUrl, all)
  const keystore = config.get('SALUS_KEYSTORE_DATABASE_URL')
  if (keystore !== undefined)
    await migrate(
      keystore,
      all.filter(({ module }) => module === 'db' || module === 'vault'),
    )
}

/** A worker that dies is started again, after a pause that grows while it keeps dying. */
const RESTART_MS_MIN = 200
const RESTART_MS_MAX = 10_000
const STOP_MS = 15_000

function startWorkers(options: { count: number; databaseUrl: string; log: Log }): { stop(): Promise<void> } {
  const running = new Set<ChildProcess>()
  let stopping = false
  const start = (worker: number, pauseMs: number): void => {
    const child = fork(join(import.meta.dirname, 'worker-process.ts'), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    running.add(child)
    // Over the channel and not the environment: the URL holds a password.
    child.send({ databaseUrl: options.databaseUrl })
    const since = performance.now()
    child.once('exit', (code) => {
      running.delete(child)
      if (stopping) return
      options.log.error('worker ended', { worker, code: code ?? -1 })
      const next = performance.now() - since > RESTART_MS_MAX ? RESTART_MS_MIN : Math.min(pauseMs * 2, RESTART_MS_MAX)
      setTimeout(() => stopping || start(worker, next), pauseMs).unref()
    })
  }
  for (let worker = 1; worker <= options.count; worker++) start(worker, RESTART_MS_MIN)
  return {
    async stop() {
      stopping = true
      await Promise.all(
        [...running].map(
          (child) =>
            new Promise<void>((resolve) => {
              const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
              child.once('exit', () => {
                clearTimeout(kill)
                resolve()
              })
              child.kill('SIGTERM')
            }),
        ),
      )
    },
  }
}
