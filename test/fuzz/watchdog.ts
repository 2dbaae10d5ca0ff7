import { Worker } from 'node:worker_threads'

/** An input that loops for ever blocks this thread: only another one can still say which it was. */
export interface Watchdog {
  /** The input that comes now; empty: none. */
  begin(replay: string): void
  stop(): void
}

const HANGS_MS = 30_000
const REPLAY_BYTES_MAX = 500

const SCRIPT = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const count = new Int32Array(workerData.shared, 0, 2)
const text = Buffer.from(workerData.shared, 8)
let seen = -1
setInterval(() => {
  const now = Atomics.load(count, 0)
  const length = Atomics.load(count, 1)
  if (now === seen && length > 0) {
    writeSync(1, 'an input does not end\\n  repeat: ' + text.toString('utf8', 0, length) + '\\n0 passed, 1 failed, 0 skipped\\n')
    process.kill(process.pid, 'SIGKILL')
  }
  seen = now
}, ${HANGS_MS})
`

export function startWatchdog(): Watchdog {
  const shared = new SharedArrayBuffer(8 + REPLAY_BYTES_MAX)
  const count = new Int32Array(shared, 0, 2)
  const text = Buffer.from(shared, 8)
  const worker = new Worker(SCRIPT, { eval: true, workerData: { shared } })
  worker.unref()
  return {
    begin(replay) {
      Atomics.store(count, 1, text.write(replay))
      Atomics.add(count, 0, 1)
    },
    stop: () => void worker.terminate(),
  }
}
