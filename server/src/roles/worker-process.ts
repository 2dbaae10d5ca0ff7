import { createLog, errorFields, type LogLevel, loadConfig } from '#kernel'
import { startServerProcess } from './server-process.ts'

/** One more server process beside the first; told the database over the channel to its parent, and ends with it. */
const config = loadConfig()
const log = createLog({ level: config.required('SALUS_LOG_LEVEL') as LogLevel })

process.once('message', (message: { databaseUrl: string }) => {
  startServerProcess({ config, databaseUrl: message.databaseUrl, log, sharePort: true }).then(
    (running) => {
      let closing: Promise<void> | undefined
      const stop = (): void => {
        closing ??= running.close().then(
          () => process.exit(0),
          (error: unknown) => {
            log.error('closing failed', errorFields(error))
            process.exit(1)
          },
        )
      }
      process.once('SIGTERM', stop)
      process.once('disconnect', stop)
      // A terminal's Ctrl-C reaches the whole group: the parent decides when this process stops.
      process.on('SIGINT', () => undefined)
    },
    (error: unknown) => {
      log.error('worker could not start', errorFields(error))
      process.exit(1)
    },
  )
})
