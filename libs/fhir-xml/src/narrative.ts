import { SaxesParser } from 'saxes'
import { FhirXmlError, XHTML_NAMESPACE } from './xml-error.ts'

/** Characters checked before others get a turn. */
const PIECE_CHARS = 65_536

/**
 * The div of a narrative as it may stand in a document: as it is, with its namespace where it had none. JSON carries it as text, so here
 * it is read as XML before it becomes part of some: what is not well-formed could end the narrative and go on as data.
 * Yields empty pieces so that others get a turn. Throws `FhirXmlError` `not-representable`.
 */
export function* narrativeXml(value: unknown): Generator<string, string> {
  if (typeof value !== 'string') throw malformed()
  const text = value.trim()
  const named = /^<div[\s>/]/.test(text) ? text : undefined
  if (named === undefined || !named.isWellFormed()) throw malformed()
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true })
  let hasNamespace = true
  let depth = 0
  parser.on('error', () => {
    throw malformed()
  })
  parser.on('doctype', () => {
    throw malformed()
  })
  parser.on('opentag', ({ prefix, uri }) => {
    if (depth++ === 0) hasNamespace = uri !== ''
    if (prefix !== '' || (uri !== XHTML_NAMESPACE && (hasNamespace || uri !== ''))) throw malformed()
  })
  parser.on('closetag', () => {
    depth--
  })
  for (let at = 0; at < named.length; at += PIECE_CHARS) {
    parser.write(named.slice(at, at + PIECE_CHARS))
    yield ''
  }
  parser.close()
  return hasNamespace ? named : `<div xmlns="${XHTML_NAMESPACE}"${named.slice(4)}`
}

function malformed(): FhirXmlError {
  return new FhirXmlError('not-representable', 'The narrative of the resource is no well-formed XHTML. Ask for JSON.')
}
