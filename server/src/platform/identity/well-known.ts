import { JWKS_PATH, tokenEndpoint } from './provider.ts'
import { ASSERTION_ALGORITHMS } from './register-client.ts'

/** The two discovery documents, by the paths they are asked for under. Public; the same for every tenant. */
export function wellKnownDocuments({ issuer, fhirBase }: { issuer: string; fhirBase: string }): Map<string, object> {
  const common = {
    issuer,
    token_endpoint: tokenEndpoint(issuer),
    jwks_uri: `${issuer.replace(/\/$/, '')}${JWKS_PATH}`,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    scopes_supported: ['system/*.cruds', 'system/*.rs'],
    // There is no authorization endpoint, so there is nothing it could answer.
    response_types_supported: [],
  }
  // https://hl7.org/fhir/smart-app-launch/conformance.html: code_challenge_methods_supported is required of every server.
  const smart = {
    ...common,
    code_challenge_methods_supported: ['S256'],
    capabilities: ['client-confidential-symmetric', 'client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  }
  const smartPath = '/.well-known/smart-configuration'
  const base = new URL(fhirBase).pathname.replace(/\/$/, '')
  return new Map<string, object>([
    [smartPath, smart],
    [`${base}${smartPath}`, smart],
    // RFC 8414
    ['/.well-known/oauth-authorization-server', common],
  ])
}
