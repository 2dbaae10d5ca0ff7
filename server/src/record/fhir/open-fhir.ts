import type { FastifyInstance } from 'fastify'
import type { Ledger } from '#audit'
import type { Database } from '#db'
import type { HeldDefinitions } from '#definitions'
import type { Identity } from '#identity'
import type { Clock, Log, OutboundGet } from '#kernel'
import type { Terminology } from '#terminology'
import type { Vault } from '#vault'
import { BULK_OPERATIONS, openBulk } from './bulk/bulk.ts'
import { codeSets } from './code-sets.ts'
import {
  diffOperation,
  docrefOperation,
  documentOperation,
  duplicatesOperation,
  everythingOperation,
  expungeOperation,
  graphqlOperation,
  lastnOperation,
  matchOperation,
  mergeOperation,
  metaOperations,
  operationHandler,
  reindexOperations,
  storedTerminology,
  summaryOperation,
  terminologyCapabilities,
  terminologyOperations,
  unmergeOperation,
  validateOperation,
} from './operations/index.ts'
import { startReindexer } from './reindex/reindexer.ts'
import { auditEventHandler } from './rest/audit-events.ts'
import { capabilityStatement } from './rest/capability.ts'
import { fhirRoutes, type StartSpan } from './rest/routes.ts'
import { searchHandler } from './rest/search.ts'
import { conditionSearch, searchDeps } from './search-wiring.ts'
import type { WriteDependencies } from './store/apply-writes.ts'
import { openRecordStore } from './store/record-store.ts'
import { startUpkeep } from './store/upkeep.ts'
import { checkResource } from './validate/check-resource.ts'
import { claimsChecker } from './validate/claimed-profiles.ts'
import { followPolicies } from './validate/policies.ts'
import { profileChecks } from './validate/profile-checks.ts'
import { storedProfiles } from './validate/stored-profiles.ts'

/** The FHIR R4 record of one process. */
export interface Fhir {
  /** Where the API lies below the origin. */
  readonly basePath: '/fhir/R4'
  /** Register the REST API on `server`, relative to `basePath`. */
  routes(server: FastifyInstance): void
  close(): Promise<void>
}

export interface FhirOptions {
  database: Database
  ledger: Ledger
  vault: Vault
  identity: Pick<Identity, 'authenticate' | 'tokenEndpoint' | 'isEnabled'>
  definitions: HeldDefinitions
  terminology: Terminology
  clock: Clock
  log: Log
  /** Public address without a path, e.g. `https://record.example.org`. */
  origin: string
  version: string
  /** How long jobs are kept, ms, and what fetches the files of imports. */
  bulk: { keepMs: number; outbound: OutboundGet }
  startSpan?: StartSpan
}

const BASE_PATH = '/fhir/R4'

/** Put the record together. http://hl7.org/fhir/R4/http.html */
export function openFhir(options: FhirOptions): Fhir {
  const fhirBase = `${options.origin}${BASE_PATH}`
  const store = openRecordStore(options)
  const search = searchDeps(store, fhirBase)
  const shelf = storedTerminology(store, search)
  // The stored terminology is found by searches, which may name a value set of it: each knows of the other.
  search.codeSets = codeSets(options.terminology, shelf)
  const checks = profileChecks({ ...options, ...storedProfiles(store, search), shelf })
  const policies = followPolicies(options)
  const dependencies: WriteDependencies = {
    store,
    conditionSearch: conditionSearch(search),
    fhirBase,
    validate: (resource) => checkResource(resource),
    checkClaims: claimsChecker({ policies, checks, clock: options.clock }),
  }
  const stopUpkeep = startUpkeep(options.database)
  const reindexer = startReindexer(store, options)
  const startedAt = options.clock.now()
  const operations = [
    ...terminologyOperations(options.terminology, shelf, store),
    validateOperation({ store, checks, policies, fhirBase }),
    ...reindexOperations(store),
    everythingOperation({ store, search, fhirBase }),
    lastnOperation({ store, search, fhirBase }),
    ...metaOperations({ writes: dependencies, search }),
    diffOperation({ store, fhirBase }),
    expungeOperation({ writes: dependencies }),
    graphqlOperation({ store, search, fhirBase }),
    matchOperation({ store, search, fhirBase }),
    duplicatesOperation({ store, search, fhirBase }),
    mergeOperation(dependencies),
    unmergeOperation(dependencies),
    documentOperation({ writes: dependencies }),
    docrefOperation({ store, search, fhirBase }),
    summaryOperation({ store, search, fhirBase, version: options.version }),
  ]
  const bulk = openBulk({ ...dependencies, ...options, ...options.bulk, search, isEnabled: options.identity.isEnabled })
  const about = { fhirBase, version: options.version, startedAt }
  return {
    basePath: BASE_PATH,
    routes: (server) =>
      fhirRoutes(server, {
        ...dependencies,
        identity: options.identity,
        basePath: BASE_PATH,
        search: searchHandler({ store, search, fhirBase }),
        operations: bulk.operations(operationHandler(store, operations)),
        bulk: bulk.jobs,
        terminologyCapabilities: () => terminologyCapabilities(options.terminology, about),
        auditEvents: auditEventHandler({ store, fhirBase }),
        capabilityStatement: capabilityStatement({
          ...about,
          tokenUrl: options.identity.tokenEndpoint,
          operations: [...operations, ...BULK_OPERATIONS],
        }),
        clock: options.clock,
        log: options.log,
        ...(options.startSpan ? { startSpan: options.startSpan } : {}),
      }),
    async close() {
      await bulk.close()
      await policies.close()
      await reindexer.close()
      await stopUpkeep()
    },
  }
}
