import { openProgress, type Progress } from './progress.ts'

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

const BYTES_PER_MB = 1024 * 1024

/** A bar for bytes whose expected sum comes with the first report. */
export function bytesProgress(
  label: string,
  isSilent: boolean,
): { show(progress: { bytes: number; bytesExpected: number }): void; done(): void } {
  let opened: Progress | undefined
  let [bytes, megabytes] = [0, 0]
  return {
    show(progress) {
      opened ??= openProgress({ label, things: 'MB', total: progress.bytesExpected, silent: isSilent })
      opened.work(progress.bytes - bytes)
      bytes = progress.bytes
      const whole = Math.floor(bytes / BYTES_PER_MB)
      opened.count(whole - megabytes)
      megabytes = whole
    },
    done: () => opened?.end(),
  }
}
