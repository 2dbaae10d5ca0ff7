/** A FHIR R4 resource as plain JSON. */
export interface DemoResource {
  resourceType: string
  [element: string]: unknown
}

/** One create of the transaction. Spec: https://hl7.org/fhir/R4/bundle.html#transaction */
export interface DemoEntry {
  /** `urn:uuid:...`; references inside the bundle name it. */
  fullUrl: string
  resource: DemoResource
  request: { method: 'POST'; url: string; ifNoneExist?: string }
}

/** A transaction that stores one patient with everything about them. */
export interface DemoBundle {
  resourceType: 'Bundle'
  type: 'transaction'
  entry: DemoEntry[]
}
