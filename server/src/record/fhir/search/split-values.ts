/**
 * Split at each `separator` that is not escaped with a backslash. Escapes stay, because a value may still be split by
 * another separator. https://hl7.org/fhir/R4/search.html#escaping
 */
export function splitValues(text: string, separator: ',' | '|' | '$'): string[] {
  if (!text.includes(separator)) return [text]
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === separator) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** The value itself: `\,` `\|` `\$` `\\` become the character. Other backslashes are the client's own. */
export function unescapeValue(text: string): string {
  return text.includes('\\') ? text.replace(/\\([,|$\\])/g, '$1') : text
}
