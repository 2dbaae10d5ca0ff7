import { fhirPathModel } from '@salus/fhir-model'

/** An element of a type by its key in JSON. */
export interface JsonElement {
  /** Without the type of a choice: `value` of `valueQuantity`. */
  name: string
  type: string
  list: boolean
}

/** The element of a type, or of a nested one (`Patient.contact`), that has this key in JSON; undefined when there is none. */
export function elementOf(type: string, key: string): JsonElement | undefined {
  const plain = fhirPathModel.child(type, key)
  if (plain && !plain.choiceOf) return { name: key, type: plain.type, list: plain.list }
  for (let end = key.length - 1; end > 0; end--) {
    const child = fhirPathModel.child(type, key.slice(0, end))
    const choice = child?.choiceOf?.find(([jsonKey]) => jsonKey === key)
    if (choice) return { name: key.slice(0, end), type: choice[1], list: child?.list === true }
  }
  return undefined
}
