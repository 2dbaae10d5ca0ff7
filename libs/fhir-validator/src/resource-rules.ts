import { checkBundle } from './bundle.ts'
import { CANONICAL_TYPES } from './canonical-types.ts'
import { checkCodeSystem } from './code-system-rules.ts'
import { checkCanonicalUrl, checkStructureDefinition, checkValueSet } from './conformance-rules.ts'
import type { Json } from './definition-source.ts'
import { checkMeasureReport } from './measure-report.ts'
import { checkQuestionnaireResponse } from './questionnaire-response.ts'
import type { Walk } from './walk.ts'

/** Rules of one resource type that no definition expresses. */
export type ResourceRule = (walk: Walk, resource: Json) => void

export const RESOURCE_RULES: ReadonlyMap<string, ResourceRule> = new Map<string, ResourceRule>([
  ...CANONICAL_TYPES.map((type): [string, ResourceRule] => [type, checkCanonicalUrl]),
  ['Bundle', checkBundle],
  ['CodeSystem', checkCodeSystem],
  ['MeasureReport', checkMeasureReport],
  ['QuestionnaireResponse', checkQuestionnaireResponse],
  ['StructureDefinition', checkStructureDefinition],
  ['ValueSet', checkValueSet],
])
