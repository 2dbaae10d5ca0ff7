import type { Permission } from '../rest/require.ts'
import type { StoredRow } from '../store/rows.ts'
import type { Caller, Resource } from '../store/write-request.ts'

/** Where an operation may be called: http://hl7.org/fhir/R4/operations.html#executing */
export type OperationLevel = 'system' | 'type' | 'instance'

/** How a parameter is given. `text` is any of FHIR's primitive types that are written as text; `any` is every type. */
export type ParameterKind = 'text' | 'boolean' | 'integer' | 'coding' | 'concept' | 'resource' | 'part' | 'any'

export interface ParameterSpec {
  kind: ParameterKind
  /** It may be given more than once. */
  many?: true
}

/** One operation of the API. */
export interface Operation {
  /** Without `$`. */
  name: string
  /** Canonical of its OperationDefinition. */
  definition: string
  levels: readonly OperationLevel[]
  /** Resource types it is defined for; at system level the first names the scope. */
  types: readonly string[]
  /** It changes something: only POST. */
  affectsState: boolean
  /** Whether it changes something with these parameters, where that depends on them. */
  changes?(parameters: Resource): boolean
  /** Scope needed on the type. */
  permission: Permission
  /** Its parameters tell whom or what was looked for: the audit keeps them, sealed. */
  asks?: true
  /** At system level its parameters name the types, and `run` asks for their scopes before it answers. */
  namesTypes?: true
  parameters: Readonly<Record<string, ParameterSpec | undefined>>
  /** Parameter that a body which is no Parameters resource stands for: `resource` of `$validate`. */
  bareResource?: string
  /** What differs by the type of the address, where it is defined for each type by itself. */
  byType?: Readonly<Record<string, Pick<Operation, 'definition' | 'bareResource'> | undefined>>
  run(call: OperationCall): Promise<OperationAnswer>
}

/** A call that was found in order: the caller may, the parameters are known. */
export interface OperationCall {
  caller: Caller
  /** The type of the address; undefined at system level. */
  type: string | undefined
  /** The resource of the address. */
  instance?: { row: StoredRow; resource: Resource }
  /** A Parameters resource, whichever way the parameters came. */
  parameters: Resource
  acceptLanguage?: string
}

export interface OperationAnswer {
  status: number
  /** A resource, or one that is serialised already. */
  body: object | Buffer
  /** Patients whose data the answer discloses, by internal number. */
  patients?: readonly number[]
  /** Resources disclosed. */
  count?: number
}
