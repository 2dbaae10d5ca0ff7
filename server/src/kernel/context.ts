/** Who asks, for which tenant, and under which request: handed to everything a request does. */
export interface RequestContext {
  /** Random per request, returned as `X-Request-Id`. Holds no patient data. */
  requestId: string
  /** Tenant number, named by the access token. */
  tenant: number
  /** OAuth client id. */
  client: string
  /** The acting user, or the client itself for backend services. */
  actor: string
  /** Purpose of use (HL7 v3 PurposeOfUse code), e.g. `TREAT`; empty when the client named none. */
  purpose: string
}
