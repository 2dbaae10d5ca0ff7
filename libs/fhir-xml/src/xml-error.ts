/** What kind of fault it is; `not-representable` is the only one of writing. */
export type XmlErrorCode =
  | 'syntax'
  | 'not-utf8'
  | 'doctype'
  | 'namespace'
  | 'structure'
  | 'order'
  | 'too-deep'
  | 'too-many'
  | 'too-long'
  | 'not-representable'

/** Why XML was not read, or a resource not written as XML. The message says what to do and never quotes the content. */
export class FhirXmlError extends Error {
  readonly code: XmlErrorCode
  /** Where reading stopped, both from 1; undefined in writing. */
  place: { line: number; column: number } | undefined

  constructor(code: XmlErrorCode, message: string) {
    super(message)
    this.name = 'FhirXmlError'
    this.code = code
  }
}

export const FHIR_NAMESPACE = 'http://hl7.org/fhir'
export const XHTML_NAMESPACE = 'http://www.w3.org/1999/xhtml'
