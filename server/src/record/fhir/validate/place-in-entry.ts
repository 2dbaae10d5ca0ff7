/** The FHIRPath of a place in the resource of an entry: `Patient.name` of `Bundle.entry[1]` is `Bundle.entry[1].resource.name`. */
export function inResource(entry: string, expression: string): string {
  return `${entry}.resource${expression.replace(/^[A-Za-z]+/, '')}`
}
