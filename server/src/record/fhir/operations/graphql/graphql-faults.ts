import type { Fault } from '#kernel'

/** What one query may take. */
export const GRAPHQL_LIMITS = {
  /** Words and marks of a query; the largest that GraphiQL makes for FHIR has some hundred. */
  tokensMax: 10_000,
  /** Brackets of all kinds within each other, in the text of a query; `depthMax` selections need fewer. */
  bracketsMax: 200,
  /** Selections within selections, fragments included. */
  depthMax: 20,
  /** Values and objects put into the answer: each costs a microsecond. */
  valuesMax: 100_000,
  /** Resources read, by reference or by search. */
  resourcesMax: 2_000,
  /** Searches and look-ups of references, each a query to the database. */
  lookUpsMax: 500,
  /** Steps of all FHIRPath filters together, about 100 ms. */
  fhirPathStepsMax: 200_000,
  /** FHIRPath expressions that differ, each counted for each type that it is asked of: every one is compiled. */
  expressionsMax: 20,
  /** Characters these may have together: compiling them all takes some milliseconds. */
  expressionCharsMax: 10_000,
  /** Bytes of the resources that a query holds open at once. */
  bytesMax: 64 * 1024 * 1024,
} as const

/** Refusals of `$graphql`. None repeats the query, which may name a patient. */
export const GRAPHQL_FAULTS = {
  queryMissing: {
    category: 'invalid',
    code: 'fhir.graphql.query-missing',
    message:
      'Send the query as the parameter query, or as {"query": "...", "operationName": "...", "variables": {...}}.',
  },
  syntax: {
    category: 'invalid',
    code: 'fhir.graphql.syntax',
    message: 'The query is not GraphQL. Check its braces, names and quotation marks.',
  },
  nested: {
    category: 'invalid',
    code: 'fhir.graphql.too-nested',
    message: 'The query has more than 200 brackets within each other. Flatten it, e.g. by fragments.',
  },
  operation: {
    category: 'invalid',
    code: 'fhir.graphql.operation-unknown',
    message:
      'The document has no such query. Name one of several by operationName; mutations and subscriptions are not served.',
  },
  variables: {
    category: 'invalid',
    code: 'fhir.graphql.variables',
    message: 'variables is a JSON object that holds a value for each variable without a default.',
  },
  fragment: {
    category: 'invalid',
    code: 'fhir.graphql.fragment-unknown',
    message: 'The query spreads a fragment that it does not define.',
  },
  field: {
    category: 'invalid',
    code: 'fhir.graphql.field-unknown',
    message: 'The type has no such field. See http://hl7.org/fhir/R4/graphql.html and the type’s definition.',
  },
  argument: {
    category: 'invalid',
    code: 'fhir.graphql.argument-invalid',
    message: 'The field does not take this argument, or not with such a value.',
  },
  selection: {
    category: 'invalid',
    code: 'fhir.graphql.selection',
    message: 'An element with parts needs a selection of them, and a primitive value takes none.',
  },
  reference: {
    category: 'invalid',
    code: 'fhir.graphql.reference-broken',
    message: 'A reference does not lead to a resource that is here and may be read. Ask with resource(optional: true).',
  },
  singleton: {
    category: 'invalid',
    code: 'fhir.graphql.not-singleton',
    message: 'A field marked @singleton has several values.',
  },
  directive: {
    category: 'invalid',
    code: 'fhir.graphql.directive-invalid',
    message: 'The directives are @include, @skip, @flatten, @first, @singleton and @slice(path: "...").',
  },
  fhirPath: {
    category: 'invalid',
    code: 'fhir.graphql.fhirpath-invalid',
    message: 'A FHIRPath expression of the query cannot be evaluated.',
  },
  costly: {
    category: 'too-costly',
    code: 'fhir.graphql.too-costly',
    message:
      'The query takes more than one may: ask for less depth, fewer resources (_count), fewer fields, or fewer and shorter FHIRPath expressions.',
  },
} as const satisfies Record<string, Fault>
