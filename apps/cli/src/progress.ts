/** Progress of long work, for people: a bar on a terminal, a plain line now and then elsewhere. */
export interface Progress {
  /** Work done, in the unit of the total. */
  work(units: number): void
  /** Things done, shown as a number and a rate. */
  count(things: number): void
  /** Takes the bar away. */
  end(): void
}

export interface ProgressOptions {
  label: string
  /** Name of the things counted. */
  things: string
  /** Sum of all work. */
  total: number
  silent: boolean
  out?: { write(text: string): unknown; isTTY?: boolean; columns?: number }
  nowMs?: () => number
}

const BAR_EVERY_MS = 125
const LINE_EVERY_MS = 5_000
/** The rate shown is that of the last seconds, so that it follows a server that slows down. */
const WINDOW_MS = 8_000
const BAR_WIDTH = 24

/** Writes to standard error, so that standard output stays clean. */
export function openProgress(options: ProgressOptions): Progress {
  const { out = process.stderr, nowMs = () => performance.now() } = options
  if (options.silent) return { work: () => undefined, count: () => undefined, end: () => undefined }
  const tally = newTally(options, nowMs)
  const isTty = out.isTTY === true
  const show = (): void => {
    if (isTty) out.write(`\r\u001b[2K${tally.line(true).slice(0, (out.columns ?? 80) - 1)}`)
    else out.write(`${tally.line(false)}\n`)
  }
  const timer = setInterval(show, isTty ? BAR_EVERY_MS : LINE_EVERY_MS)
  timer.unref()
  return {
    work: tally.work,
    count: tally.count,
    end() {
      clearInterval(timer)
      if (isTty) out.write('\r\u001b[2K')
    },
  }
}

/** The numbers behind the bar. */
export function newTally(
  options: Pick<ProgressOptions, 'label' | 'things' | 'total'>,
  nowMs: () => number,
): {
  work(units: number): void
  count(things: number): void
  line(withBar: boolean): string
} {
  const started = nowMs()
  const window: { at: number; things: number }[] = [{ at: started, things: 0 }]
  let [done, things] = [0, 0]
  return {
    work: (units) => void (done += units),
    count: (more) => void (things += more),
    line(withBar) {
      const now = nowMs()
      window.push({ at: now, things })
      while (window.length > 2 && now - (window[1]?.at ?? now) > WINDOW_MS) window.shift()
      const [first] = window as [{ at: number; things: number }]
      const rate = now > first.at ? ((things - first.things) * 1000) / (now - first.at) : 0
      const part = options.total > 0 ? Math.min(1, done / options.total) : 0
      const left = part > 0.005 && part < 1 ? `, about ${duration(((now - started) / part) * (1 - part))} left` : ''
      const filled = Math.round(part * BAR_WIDTH)
      const bar = withBar ? `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ` : ''
      return `${options.label} ${bar}${Math.floor(part * 100)} %, ${things.toLocaleString('en-US')} ${options.things}, ${Math.round(rate).toLocaleString('en-US')}/s${left}`
    },
  }
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
