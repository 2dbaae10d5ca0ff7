/** The part of oidc-provider 9.13 that Salus uses; the package ships no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  /** Koa's context with what oidc-provider adds. */
  export interface KoaContext {
    method: string
    path: string
    req: IncomingMessage
    status: number
    type: string
    body: unknown
    /** Ours: carried from middleware to hooks of one request. */
    state: Record<string, unknown>
    headers: Record<string, string | undefined>
    set(name: string, value: string): void
    remove(name: string): void
    oidc: { params?: Record<string, string | undefined>; client?: OidcClient }
  }

  export interface OidcClient {
    clientId: string
    compareClientSecret(secret: string): boolean | Promise<boolean>
  }

  /** https://github.com/panva/node-oidc-provider/blob/v9.x/example/my_adapter.js */
  export interface Adapter {
    find(id: string): Promise<object | undefined>
    upsert(id: string, payload: Record<string, unknown>, expiresInSeconds: number): Promise<void>
    destroy(id: string): Promise<void>
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    static readonly ctx: KoaContext | undefined
    readonly Client: { prototype: OidcClient }
    readonly OIDCContext: { prototype: { clientJwtAuthExpectedAudience(): Set<string> } }
    use(middleware: (ctx: KoaContext, next: () => Promise<void>) => Promise<void>): this
    on(event: 'server_error' | 'grant.error', listener: (ctx: KoaContext, error: Error) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
  }

  export namespace errors {
    class OIDCProviderError extends Error {
      constructor(status: number, message: string, options?: { cause?: unknown })
      error: string
      error_description?: string
      status: number
      statusCode: number
    }
    class InvalidClientAuth extends OIDCProviderError {
      constructor(detail: string)
    }
    class InvalidScope extends OIDCProviderError {
      constructor(description: string, scope?: string)
    }
    class InvalidTarget extends OIDCProviderError {
      constructor(description?: string)
    }
  }
}
