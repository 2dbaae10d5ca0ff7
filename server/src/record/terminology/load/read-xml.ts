import { FaultError } from '#kernel'
import { damaged, shown, tooLarge, wrongLayout } from './load-faults.ts'
import { LOAD_LIMITS } from './load-limits.ts'
import { readBytes } from './read-lines.ts'
import type { ReleaseFile, ReleaseFiles } from './release-files.ts'

/** What is told of an XML file while it is read. */
export interface XmlHandler {
  open(name: string, attributes: Readonly<Record<string, string>>): void
  /** `text`: all text directly in the element, without blanks around it. */
  close(name: string, text: string): void
}

/**
 * Read an XML file of elements and text; pauses after each chunk, so that what the handler gathered can be passed on. The parser
 * knows no entity but XML's own five, so none can grow or reach outside. Faults `terminology.load.damaged`, `.layout`.
 */
export async function* readXml(files: ReleaseFiles, file: ReleaseFile, handler: XmlHandler): AsyncGenerator<void> {
  // Here and not above: a server never loads a release.
  const { SaxesParser } = await import('saxes')
  // The parser holds a comment or a value as a whole, so the file itself is limited.
  if (file.bytes > LOAD_LIMITS.xmlFileBytesMax) tooLarge(`${shown(file.name)} has ${file.bytes} bytes`)
  const parser = new SaxesParser()
  const texts: string[] = []
  parser.on('error', (error) => damaged(`${shown(file.name)} is no well-formed XML`, error))
  parser.on('doctype', () => wrongLayout(`${shown(file.name)} has a document type, which such a file never has`))
  parser.on('opentag', ({ name, attributes }) => {
    if (texts.push('') > LOAD_LIMITS.xmlDepthMax)
      wrongLayout(`${shown(file.name)} has too many elements within each other`)
    handler.open(name, attributes)
  })
  const gather = (text: string): void => {
    const last = texts.length - 1
    if (last < 0) return
    texts[last] += text
    if ((texts[last] as string).length > LOAD_LIMITS.lineBytesMax)
      wrongLayout(`${shown(file.name)} has too long a text`)
  }
  parser.on('text', gather)
  parser.on('cdata', gather)
  parser.on('closetag', ({ name }) => handler.close(name, (texts.pop() ?? '').trim()))
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of readBytes(files, file)) {
      parser.write(decoder.decode(chunk, { stream: true }))
      yield
    }
    parser.write(decoder.decode())
    parser.close()
  } catch (error) {
    if (error instanceof FaultError) throw error
    damaged(`${shown(file.name)} is not UTF-8`, error)
  }
  yield
}
