export { type Fhir, openFhir } from './open-fhir.ts'
