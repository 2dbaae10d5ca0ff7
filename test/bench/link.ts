import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  body: Buffer
}

/** Headers of an answer are far below this; more means that no answer is coming. */
const HEAD_BYTES_MAX = 64 * 1024

/**
 * One keep-alive HTTP/1.1 connection with one request under way. Written on the socket itself, because server, database
 * and client share two cores here and an HTTP library would take a third of one.
 */
export class Link {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #received = 0
  #head: { status: number; start: number; end: number } | undefined
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  #ended: Error | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data) => this.#take(data))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('the server closed the connection')))
  }

  static open({ host, port }: { host: string; port: number }): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true }, () => resolve(new Link(socket)))
      socket.once('error', reject)
    })
  }

  /** The client's port: tells which server process took the connection. */
  get localPort(): number {
    return this.#socket.localPort ?? 0
  }

  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(this.#ended)
        return
      }
      this.#waiting = { resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#ended ??= new Error('the connection is closed')
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    this.#chunks.push(data)
    this.#received += data.length
    try {
      this.#head ??= this.#readHead()
    } catch (error) {
      this.#end(error as Error)
      this.#socket.destroy()
      return
    }
    if (!this.#head || this.#received < this.#head.end) return
    const { status, start, end } = this.#head
    const body = this.#joined().subarray(start, end)
    this.#chunks = []
    this.#received = 0
    this.#head = undefined
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve({ status, body })
  }

  #readHead(): { status: number; start: number; end: number } | undefined {
    const bytes = this.#joined()
    const split = bytes.indexOf('\r\n\r\n')
    if (split < 0 && bytes.length < HEAD_BYTES_MAX) return undefined
    const head = bytes.toString('latin1', 0, Math.max(split, 0))
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length === undefined) throw new Error('an answer without Content-Length cannot be measured here')
    const start = split + 4
    return { status: Number(head.slice(9, 12)), start, end: start + Number(length) }
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  #end(error: Error): void {
    this.#ended ??= error
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(this.#ended)
  }
}
