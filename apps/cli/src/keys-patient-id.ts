/** The id in `Patient/<id>`; undefined for anything else. http://hl7.org/fhir/R4/datatypes.html#id */
export function patientId(text: string | undefined): string | undefined {
  return /^Patient\/([A-Za-z0-9\-.]{1,64})$/.exec(text ?? '')?.[1]
}
