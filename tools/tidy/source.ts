/** A string or template literal. `value` is the text between the quotes, with `${}` where a template has a hole. */
export interface Literal {
  start: number
  end: number
  value: string
  /** A template literal with at least one hole. */
  built: boolean
}

export interface Comment {
  start: number
  end: number
  text: string
}

/** A source file, split into what runs and what is said. All positions are offsets into `text`. */
export interface Source {
  /** Relative to the checkout, with forward slashes. */
  path: string
  text: string
  /** `text` with comments and the contents of literals and regular expressions blanked; same length, same lines. */
  code: string
  literals: Literal[]
  comments: Comment[]
}

/** One-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** Words after which a slash starts a regular expression, not a division. */
const BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|instanceof|yield|await)$/

/** What is open while scanning: a template's hole ends at the brace that closes it. */
interface Hole {
  depth: number
  literal: Literal
}

/** Split TypeScript or JavaScript into code, literals and comments. It need not parse, only know where text is. */
export function readSource(path: string, text: string): Source {
  return new Scanner(path, text).scan()
}

class Scanner {
  readonly #source: Source
  readonly #text: string
  #blanked: [number, number][] = []
  #holes: Hole[] = []
  #depth = 0
  /** Offset of the last character of code that is not a space. */
  #last = -1

  constructor(path: string, text: string) {
    this.#text = text
    this.#source = { path, text, code: '', literals: [], comments: [] }
  }

  scan(): Source {
    const text = this.#text
    for (let at = 0; at < text.length; ) {
      const char = text[at]
      const next = text[at + 1]
      if (char === '/' && next === '/') at = this.#comment(at, endOfLine(text, at))
      else if (char === '/' && next === '*') at = this.#comment(at, after(text, '*/', at + 2))
      else if (char === '#' && next === '!' && at === 0) at = this.#comment(0, endOfLine(text, 0))
      else if (char === "'" || char === '"') at = this.#string(at, char)
      else if (char === '`') at = this.#template(at + 1, { start: at, end: at, value: '', built: false })
      else if (char === '/' && this.#regexAllowed()) at = this.#regex(at)
      else if (char === '}' && this.#holes.at(-1)?.depth === this.#depth) at = this.#closeHole(at)
      else at = this.#code(at, char)
    }
    this.#source.code = blank(text, this.#blanked)
    this.#source.literals.sort((a, b) => a.start - b.start)
    return this.#source
  }

  #code(at: number, char: string | undefined): number {
    if (char === '{') this.#depth++
    else if (char === '}') this.#depth--
    if (char !== ' ' && char !== '\n' && char !== '\t' && char !== '\r') this.#last = at
    return at + 1
  }

  #comment(start: number, end: number): number {
    this.#source.comments.push({ start, end, text: this.#text.slice(start, end) })
    this.#blanked.push([start, end])
    return end
  }

  #string(start: number, quote: string): number {
    let at = start + 1
    while (at < this.#text.length && this.#text[at] !== quote && this.#text[at] !== '\n')
      at += this.#text[at] === '\\' ? 2 : 1
    this.#source.literals.push({ start, end: at + 1, value: this.#text.slice(start + 1, at), built: false })
    this.#blanked.push([start + 1, at])
    this.#last = at
    return at + 1
  }

  /** Scan a template's text from `at`; stops at its end or at a hole, whose code is scanned like any other. */
  #template(at: number, literal: Literal): number {
    const from = at
    while (at < this.#text.length && this.#text[at] !== '`' && !this.#text.startsWith('${', at))
      at += this.#text[at] === '\\' ? 2 : 1
    literal.value += this.#text.slice(from, at)
    this.#blanked.push([from, at])
    if (this.#text.startsWith('${', at)) {
      literal.value += '${}'
      literal.built = true
      this.#holes.push({ depth: this.#depth, literal })
      this.#last = at + 1
      return at + 2
    }
    literal.end = at + 1
    this.#source.literals.push(literal)
    this.#last = at
    return at + 1
  }

  #closeHole(at: number): number {
    const hole = this.#holes.pop()
    return hole ? this.#template(at + 1, hole.literal) : at + 1
  }

  #regexAllowed(): boolean {
    if (this.#last < 0) return true
    const char = this.#text[this.#last] ?? ''
    if (/[\w$]/.test(char)) return BEFORE_REGEX.test(this.#text.slice(Math.max(0, this.#last - 12), this.#last + 1))
    return !/[)\]}'"`]/.test(char)
  }

  #regex(start: number): number {
    let inClass = false
    let at = start + 1
    for (; at < this.#text.length && this.#text[at] !== '\n'; at++) {
      const char = this.#text[at]
      if (char === '\\') at++
      else if (char === '[') inClass = true
      else if (char === ']') inClass = false
      else if (char === '/' && !inClass) break
    }
    this.#blanked.push([start + 1, at])
    this.#last = at
    return at + 1
  }
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at === -1 ? text.length : at + mark.length
}

function blank(text: string, ranges: [number, number][]): string {
  const sorted = ranges.sort((a, b) => a[0] - b[0])
  const parts: string[] = []
  let from = 0
  for (const [start, end] of sorted) {
    parts.push(text.slice(from, start), text.slice(start, end).replace(/[^\n]/g, ' '))
    from = end
  }
  parts.push(text.slice(from))
  return parts.join('')
}
