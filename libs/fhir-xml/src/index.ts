export { createXmlReader, type XmlReader } from './read-xml.ts'
export { fhirXml } from './write-xml.ts'
export { FhirXmlError, type XmlErrorCode } from './xml-error.ts'
