/** Types of definitions that are known by a canonical URL. Spec: https://hl7.org/fhir/R4/references.html#canonical */
export const CANONICAL_TYPES: readonly string[] = [
  'ActivityDefinition CapabilityStatement ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap',
  'EffectEvidenceSynthesis EventDefinition Evidence EvidenceVariable ExampleScenario GraphDefinition',
  'ImplementationGuide Library Measure MessageDefinition NamingSystem OperationDefinition PlanDefinition',
  'Questionnaire ResearchDefinition ResearchElementDefinition RiskEvidenceSynthesis SearchParameter',
  'StructureDefinition StructureMap TerminologyCapabilities TestScript ValueSet',
].flatMap((line) => line.split(' '))
