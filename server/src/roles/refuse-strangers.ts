import { BlockList, isIP, type Server, type Socket } from 'node:net'
import { raise } from '#kernel'

/**
 * Close connections to a plain HTTP server that come neither from the trusted proxy nor from this machine, before a byte of
 * them is read: whoever goes around the proxy would send tokens in the clear and could claim any address.
 * `proxy`: addresses or CIDR blocks, separated by commas. Fault `http.trusted-proxy-malformed`.
 */
export function refuseStrangers(server: Pick<Server, 'prependListener'>, proxy: string): void {
  const trusted = trustedPeers(proxy)
  server.prependListener('connection', (socket: Socket) => {
    if (!isTrusted(trusted, socket.remoteAddress)) socket.destroy()
  })
}

/** The machine itself and the proxy. */
export function trustedPeers(proxy: string): BlockList {
  const peers = new BlockList()
  peers.addSubnet('127.0.0.0', 8, 'ipv4')
  peers.addAddress('::1', 'ipv6')
  for (const one of proxy.split(',')) {
    const [address = '', bits] = one.trim().split('/', 2)
    const family = familyOf(address)
    const most = family === 'ipv4' ? 32 : 128
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (family === undefined || prefix < 0 || prefix > most) return raise(MALFORMED)
    peers.addSubnet(address, prefix, family)
  }
  return peers
}

/** A peer of a dual-stack listener has an IPv4 address inside an IPv6 one; a socket that is closed already has none. */
export function isTrusted(peers: BlockList, address: string | undefined): boolean {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? ''
  const family = familyOf(plain)
  return family !== undefined && peers.check(plain, family)
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined
}

const MALFORMED = {
  category: 'invalid',
  code: 'http.trusted-proxy-malformed',
  message: 'SALUS_TRUSTED_PROXY takes IP addresses or CIDR blocks, separated by commas, e.g. 10.0.0.7 or 10.0.0.0/24.',
} as const
