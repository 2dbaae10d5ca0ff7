// The tests are in R5 form; the server speaks R4, where the newer elements travel as extensions of the same meaning.

type Json = Record<string, unknown>

const R5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion'

/** An R4 answer in R5 form: properties of expansions are elements again. */
export function inR5(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(inR5)
  if (typeof answer !== 'object' || answer === null) return answer
  const result: Json = {}
  for (const [name, value] of Object.entries(answer)) result[name] = inR5(value)
  lift(result, `${R5}.property`)
  lift(result, `${R5}.contains.property`)
  return result
}

function lift(element: Json, url: string): void {
  const extensions = element.extension
  if (!Array.isArray(extensions)) return
  const found = extensions.filter((one: Json) => one.url === url)
  if (found.length === 0) return
  const rest = extensions.filter((one: Json) => one.url !== url)
  if (rest.length === 0) delete element.extension
  else element.extension = rest
  element.property = found.map((one: Json) => {
    const property: Json = {}
    for (const part of one.extension as Json[]) {
      const [name, value] = Object.entries(part).find(([key]) => key.startsWith('value')) ?? ['value', undefined]
      property[part.url === 'value' ? name : String(part.url)] = value
    }
    return property
  })
}
