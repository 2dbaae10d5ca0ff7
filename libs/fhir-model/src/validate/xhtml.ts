// Narrative is shown to clinicians as it stands, so what a browser would run must never be stored.
// Spec: https://hl7.org/fhir/R4/narrative.html#xhtml (txt-1, txt-2)

// oxlint-disable-next-line no-control-regex -- browsers skip them within an address
const IGNORED = /[\u0000-\u0020]/g
const DEPTH_MAX = 200
// Narrative is XML, which knows no &nbsp;: other characters stand for themselves.
const ENTITY = /^&(?:amp|lt|gt|quot|apos|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));/
const TAG = /^<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z_:][-A-Za-z0-9_:.]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/

/** The elements of the chapters of HTML 4.0 that narrative may use. */
const ELEMENTS = new Set(
  (
    'p br div h1 h2 h3 h4 h5 h6 a span ul ol li b i u em strong small big tt dl dt dd table caption col colgroup thead ' +
    'tbody tfoot tr th td img q blockquote cite code samp kbd var dfn abbr acronym address sub sup ins del pre hr map ' +
    'area bdo center font s strike'
  ).split(' '),
)

/**
 * Whether the text is one well-formed div: tags nest and close, attributes are quoted, entities are complete. No
 * declarations, processing instructions or CDATA.
 */
export function isMarkup(text: string): boolean {
  const start = text.trimStart()
  if (!/^<div[\s>/]/.test(start)) return false
  const open: string[] = []
  let at = 0
  while (at < start.length) {
    const next = nextMark(start, at)
    if (open.length === 0 && at > 0) return start.slice(at).trim() === ''
    if (next < 0) return false
    at = start[next] === '&' ? afterEntity(start, next) : afterTag(start, next, open)
    if (at < 0 || open.length > DEPTH_MAX) return false
  }
  return open.length === 0
}

/**
 * Whether well-formed markup holds only formatting: no element beyond the list, no `on...` attribute, no address that
 * runs code. Comments count too, so that no reader's idea of where one ends matters.
 */
export function isMarkupClean(text: string): boolean {
  for (const [, name = ''] of text.matchAll(/<([A-Za-z][A-Za-z0-9]*)/g))
    if (!ELEMENTS.has(name.toLowerCase())) return false
  if (!text.includes('=')) return true
  for (const [tag] of text.matchAll(/<[A-Za-z](?:[^>"']|"[^"]*"|'[^']*')*>/g)) if (isActive(tag)) return false
  return true
}

/** White space and control characters inside an address are ignored by browsers; entities would hide letters. */
function isActive(tag: string): boolean {
  for (const [, name = '', quoted = ''] of tag.matchAll(/\s([-A-Za-z0-9_:.]+)\s*=\s*("[^"]*"|'[^']*')/g)) {
    if (/^on/i.test(name)) return true
    if (!/^(?:href|src|background|longdesc|cite|usemap|action)$/i.test(name)) continue
    const address = quoted.slice(1, -1).replace(IGNORED, '')
    if (/^(?:javascript:|vbscript:|data:(?!image\/))/i.test(address) || /^[^/?#]*&(?!amp;)/.test(address)) return true
  }
  return false
}

function nextMark(text: string, at: number): number {
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 60 || code === 38) return at
  }
  return -1
}

function afterEntity(text: string, at: number): number {
  const entity = ENTITY.exec(text.slice(at, at + 40))
  if (entity === null) return -1
  const [whole, decimal, hexadecimal] = entity
  const number = decimal ?? (hexadecimal === undefined ? undefined : `0x${hexadecimal}`)
  return number === undefined || isCharacter(Number(number)) ? at + whole.length : -1
}

function hasWholeEntities(text: string): boolean {
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) if (afterEntity(text, at) < 0) return false
  return true
}

/** Whether XML has a character of this number: https://www.w3.org/TR/xml/#NT-Char */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 9 || code === 10 || code === 13
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff)
}

function afterTag(text: string, at: number, open: string[]): number {
  if (text.startsWith('<!--', at)) {
    const end = text.indexOf('-->', at + 4)
    return end < 0 ? -1 : end + 3
  }
  const end = tagEnd(text, at)
  const tag = end < 0 ? null : TAG.exec(text.slice(at, end))
  if (tag === null) return -1
  const [, closing, name = '', attributes, empty] = tag
  if (closing === '/') {
    if (open.pop() !== name || attributes !== '' || empty !== '') return -1
  } else if (empty !== '/') open.push(name)
  return hasWholeEntities(attributes ?? '') ? end : -1
}

/** The place after the `>` that ends the tag, which may not stand in quotes. */
function tagEnd(text: string, at: number): number {
  let quote = 0
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (quote !== 0) {
      if (code === quote) quote = 0
    } else if (code === 34 || code === 39) quote = code
    else if (code === 62) return at + 1
  }
  return -1
}
