export { type Fhir, openFhir } from './open-fhir.ts'
export { mayExpunge, setMayExpunge } from './operations/index.ts'
export {
  openPatientRecords,
  PATIENT_TYPE,
  type PatientRecords,
  skipNumbers,
} from './patient-records/open-patient-records.ts'
export type { ActBy, PatientPlace, ShredReport } from './patient-records/shred-patient.ts'
export { sealDetail } from './rest/audit-detail.ts'
export type { StartSpan } from './rest/routes.ts'
export { type OfflineIssue, type OfflineValidator, openOfflineValidator } from './validate/offline-validator.ts'
export { readPolicies, VALIDATION_POLICIES, type ValidationPolicy, writePolicy } from './validate/store.ts'
