/** One line on the terminal that is written over; nothing when nobody watches, or a program does. */
export interface ProgressLine {
  show(text: string): void
  /** Wipe it, so that what follows starts on a clean line. */
  done(): void
}

/** People read no faster, and a terminal over a slow line takes no more. */
const SHOW_MS = 100

export function progressLine(isJson: boolean): ProgressLine {
  const isWatched = process.stderr.isTTY && !isJson
  let shown = Number.NEGATIVE_INFINITY
  return {
    show(text) {
      if (!isWatched || performance.now() - shown < SHOW_MS) return
      shown = performance.now()
      process.stderr.write(`\r\x1b[2K${text}`)
    },
    done() {
      if (isWatched && shown > 0) process.stderr.write('\r\x1b[2K')
    },
  }
}

const BAR_CELLS = 24

/** `[######------]  50 %`; an estimate that was passed shows as full. */
export function bar(done: number, expected: number): string {
  const share = expected > 0 ? Math.min(1, done / expected) : 0
  const cells = Math.round(share * BAR_CELLS)
  return `[${'#'.repeat(cells)}${'-'.repeat(BAR_CELLS - cells)}] ${String(Math.round(share * 100)).padStart(3)} %`
}
