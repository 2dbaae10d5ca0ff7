import { type Clock, eventLoopTurns, raise } from '#kernel'

/** One line of a file, from 1, without its end. */
export interface Line {
  number: number
  bytes: Buffer
  /** It was too long to be kept: `bytes` is empty. */
  tooLong: boolean
}

/**
 * The lines of a stream of bytes, empty ones left out but counted. No more than one line and one piece are held: a line of more
 * than `lineBytesMax` is passed over and told as too long. When `signal` is aborted its reason is thrown, whether lines come or
 * not. Fault `fhir.bulk.input-too-large` beyond `bytesMax`.
 */
export async function* ndjsonLines(
  pieces: AsyncIterable<Buffer>,
  limits: { lineBytesMax: number; bytesMax: number },
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<Line> {
  const turn = eventLoopTurns(clock)
  let held: Buffer[] = []
  let heldBytes = 0
  let total = 0
  let number = 1
  let tooLong = false
  const line = (rest: Buffer): Line => {
    const bytes = tooLong ? Buffer.alloc(0) : trimmed(Buffer.concat([...held, rest]))
    const made = { number, bytes, tooLong }
    held = []
    heldBytes = 0
    tooLong = false
    number++
    return made
  }
  for await (const piece of pieces) {
    await turn()
    signal.throwIfAborted()
    total += piece.length
    if (total > limits.bytesMax)
      raise({
        category: 'too-large',
        code: 'fhir.bulk.input-too-large',
        message: `A file to be imported has at most ${limits.bytesMax} bytes. Send it as several.`,
      })
    let from = 0
    for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, from)) {
      if (heldBytes + end - from > limits.lineBytesMax) tooLong = true
      const made = line(piece.subarray(from, end))
      if (made.tooLong || made.bytes.length > 0) yield made
      from = end + 1
      // A piece may be nothing but ends of lines.
      if (number % LINES_PER_LOOK === 0) await turn()
    }
    heldBytes += piece.length - from
    if (heldBytes > limits.lineBytesMax) {
      tooLong = true
      held = []
    } else if (from < piece.length) held.push(piece.subarray(from))
  }
  const last = line(Buffer.alloc(0))
  if (last.tooLong || last.bytes.length > 0) yield last
}

/** Lines, each of some hundred nanoseconds, after which it is looked whether others wait. */
const LINES_PER_LOOK = 1_024

function trimmed(bytes: Buffer): Buffer {
  let from = 0
  let until = bytes.length
  while (from < until && isBlank(bytes[from])) from++
  while (until > from && isBlank(bytes[until - 1])) until--
  return bytes.subarray(from, until)
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x09
}
