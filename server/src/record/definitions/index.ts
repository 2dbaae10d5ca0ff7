export { builtInDefinitions } from './built-in.ts'
export { DEFINITION_TYPES, type Definition, type DefinitionSource, type DefinitionType } from './definition.ts'
export { type SourcePackage, writeBuiltInDefinitions } from './write-built-in.ts'
