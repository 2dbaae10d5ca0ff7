import type { Bench } from './bench.ts'
import { startBenchServer } from './bench-server.ts'
import { median } from './median.ts'

/** Seconds from the command to the first answer: on an empty data directory, and on the one that left behind. */
export const startBench: Bench = {
  names: ['start'],
  async run({ sizes, report }) {
    const first: number[] = []
    const again: number[] = []
    for (let n = 0; n < sizes.starts; n++) {
      const fresh = await startBenchServer()
      first.push(fresh.readySeconds)
      await fresh.stop({ keep: true })
      const restarted = await startBenchServer({ dataDir: fresh.dataDir })
      again.push(restarted.readySeconds)
      await restarted.stop()
    }
    report({ bench: 'start', figures: { firstSeconds: median(first), restartSeconds: median(again) } })
  },
}
