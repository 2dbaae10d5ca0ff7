export { type OfflineIssue, type OfflineValidator, openOfflineValidator } from '#fhir'
