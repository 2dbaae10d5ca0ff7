import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { deserializeFrontier, EMPTY_ROOT, leafHash, MerkleTree } from './merkle.ts'
import {
  consistencyProof,
  consistencyRanges,
  inclusionProof,
  inclusionRanges,
  RangeHasher,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proof.ts'

// The published vectors of the Certificate Transparency reference implementation (merkletree test data).
const CT_LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const CT_EMPTY_ROOT = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const CT_INCLUSION: [leaf: number, size: number, proof: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [3, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    2,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]
const CT_CONSISTENCY: [first: number, second: number, proof: string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
]

const ctHashes = CT_LEAVES.map((leaf) => leafHash(Buffer.from(leaf, 'hex')))
const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'))

// RFC 6962 section 2.1 word by word, by another road than the product: recursion over all leaves.
const sha = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
const split = (count: number): number => 2 ** Math.ceil(Math.log2(count) - 1)
function mth(d: Buffer[]): Buffer {
  if (d.length === 0) return sha()
  if (d.length === 1) return sha(Buffer.of(0), d[0] as Buffer)
  const k = split(d.length)
  return sha(Buffer.of(1), mth(d.slice(0, k)), mth(d.slice(k)))
}
function path(m: number, d: Buffer[]): Buffer[] {
  if (d.length === 1) return []
  const k = split(d.length)
  return m < k ? [...path(m, d.slice(0, k)), mth(d.slice(k))] : [...path(m - k, d.slice(k)), mth(d.slice(0, k))]
}
function subproof(m: number, d: Buffer[], whole: boolean): Buffer[] {
  if (m === d.length) return whole ? [] : [mth(d)]
  const k = split(d.length)
  return m <= k
    ? [...subproof(m, d.slice(0, k), whole), mth(d.slice(k))]
    : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))]
}

const SIZE_MAX = 70
const data = Array.from({ length: SIZE_MAX }, (_, index) => Buffer.from(`leaf ${index}`))
const hashes = data.map(leafHash)
const treeOf = (size: number): MerkleTree => {
  const tree = new MerkleTree()
  for (const hash of hashes.slice(0, size)) tree.append(hash)
  return tree
}
const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

test('roots equal the published Certificate Transparency vectors', () => {
  assert.equal(new MerkleTree().root().toString('hex'), CT_EMPTY_ROOT)
  assert.equal(EMPTY_ROOT.toString('hex'), CT_EMPTY_ROOT)
  const tree = new MerkleTree()
  for (const [index, hash] of ctHashes.entries()) {
    tree.append(hash)
    assert.equal(tree.root().toString('hex'), CT_ROOTS[index])
  }
})

test('inclusion proofs equal the published Certificate Transparency vectors', () => {
  for (const [leaf, size, proof] of CT_INCLUSION) {
    assert.deepEqual(hex(inclusionProof(ctHashes.slice(0, size), leaf - 1)), proof)
    const claim = {
      leaf: ctHashes[leaf - 1] as Buffer,
      index: leaf - 1,
      size,
      root: Buffer.from(CT_ROOTS[size - 1] ?? '', 'hex'),
    }
    assert.ok(verifyInclusion({ ...claim, proof: proof.map((hash) => Buffer.from(hash, 'hex')) }))
  }
})

test('consistency proofs equal the published Certificate Transparency vectors', () => {
  const head = (size: number) => ({ size, root: Buffer.from(CT_ROOTS[size - 1] ?? '', 'hex') })
  for (const [first, second, proof] of CT_CONSISTENCY) {
    assert.deepEqual(hex(consistencyProof(ctHashes.slice(0, second), first)), proof)
    const claim = { first: head(first), second: head(second) }
    assert.ok(verifyConsistency({ ...claim, proof: proof.map((hash) => Buffer.from(hash, 'hex')) }))
  }
})

test('roots, inclusion and consistency equal RFC 6962 section 2.1 for every pair up to 70 leaves', () => {
  for (let size = 1; size <= SIZE_MAX; size++) {
    const root = treeOf(size).root()
    assert.deepEqual(root, mth(data.slice(0, size)))
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(hashes.slice(0, size), index)
      if (size % 7 === 0) assert.deepEqual(proof, path(index, data.slice(0, size)))
      assert.ok(verifyInclusion({ leaf: hashes[index] as Buffer, index, size, root, proof }))
    }
    for (let first = 0; first <= size; first++) {
      const proof = consistencyProof(hashes.slice(0, size), first)
      if (first > 0 && size % 7 === 0) assert.deepEqual(proof, subproof(first, data.slice(0, size), true))
      assert.ok(
        verifyConsistency({ first: { size: first, root: treeOf(first).root() }, second: { size, root }, proof }),
      )
    }
  }
})

test('a proof with one bit, the index, the size or a hash changed is refused', () => {
  const pair = fc.integer({ min: 2, max: SIZE_MAX }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)))
  fc.assert(
    fc.property(pair, fc.nat(255), fc.nat(), ([size, index], bit, pick) => {
      const proof = inclusionProof(hashes.slice(0, size), index)
      const claim = { leaf: hashes[index] as Buffer, index, size, root: treeOf(size).root(), proof }
      const at = pick % proof.length
      const bent = proof.map((hash, position) => (position === at ? flipped(hash, bit) : hash))
      assert.ok(!verifyInclusion({ ...claim, proof: bent }))
      assert.ok(!verifyInclusion({ ...claim, leaf: flipped(claim.leaf, bit) }))
      assert.ok(!verifyInclusion({ ...claim, root: flipped(claim.root, bit) }))
      assert.ok(!verifyInclusion({ ...claim, index: (index + 1) % size }))
      assert.ok(!verifyInclusion({ ...claim, index: size }))
      assert.ok(!verifyInclusion({ ...claim, proof: [...proof, claim.leaf] }))
      assert.ok(!verifyInclusion({ ...claim, proof: proof.slice(1) }))
    }),
  )
  fc.assert(
    fc.property(pair, fc.nat(255), fc.nat(), ([size, before], bit, pick) => {
      const first = { size: Math.max(before, 1), root: treeOf(Math.max(before, 1)).root() }
      const second = { size, root: treeOf(size).root() }
      const proof = consistencyProof(hashes.slice(0, size), first.size)
      const at = pick % proof.length
      const bent = proof.map((hash, position) => (position === at ? flipped(hash, bit) : hash))
      assert.ok(!verifyConsistency({ first, second, proof: bent }))
      assert.ok(!verifyConsistency({ first: { ...first, root: flipped(first.root, bit) }, second, proof }))
      assert.ok(!verifyConsistency({ first, second: { ...second, root: flipped(second.root, bit) }, proof }))
      assert.ok(!verifyConsistency({ first: second, second: first, proof }))
      assert.ok(!verifyConsistency({ first, second, proof: proof.slice(1) }))
      assert.ok(!verifyConsistency({ first, second, proof: [...proof, second.root] }))
    }),
  )
})

test('a proof built from a frontier and the leaves after it equals one built from all leaves', () => {
  const triple = fc
    .integer({ min: 1, max: SIZE_MAX })
    .chain((size) => fc.nat(size - 1).chain((index) => fc.tuple(fc.constant(size), fc.constant(index), fc.nat(index))))
  fc.assert(
    fc.property(triple, ([size, index, base]) => {
      const frontier = treeOf(base).snapshot()
      for (const [ranges, whole] of [
        [inclusionRanges(index, size), inclusionProof(hashes.slice(0, size), index)],
        [consistencyRanges(index + 1, size), consistencyProof(hashes.slice(0, size), index + 1)],
      ] as const) {
        const hasher = new RangeHasher([...ranges], frontier)
        for (const hash of hashes.slice(base, size)) hasher.append(hash)
        assert.deepEqual(hasher.hashes(), whole)
      }
    }),
  )
})

test('a range hasher that has not seen every leaf gives no proof', () => {
  const hasher = new RangeHasher(inclusionRanges(0, 8))
  for (const hash of hashes.slice(0, 7)) hasher.append(hash)
  assert.equal(hasher.hashes(), undefined)
})

test('a serialized frontier goes on where the tree stopped, and a restored snapshot takes leaves back', () => {
  for (let size = 0; size < SIZE_MAX; size++) {
    const tree = MerkleTree.deserialize(treeOf(size).serialize())
    assert.ok(tree)
    assert.equal(tree.size, size)
    const before = tree.snapshot()
    tree.append(hashes[size] as Buffer)
    assert.deepEqual(tree.root(), treeOf(size + 1).root())
    tree.restore(before)
    assert.deepEqual(tree.root(), treeOf(size).root())
  }
})

test('bytes that are no frontier are refused', () => {
  const bytes = treeOf(5).serialize()
  assert.equal(deserializeFrontier(bytes.subarray(0, -1)), undefined)
  assert.equal(deserializeFrontier(bytes.subarray(0, -32)), undefined)
  assert.equal(deserializeFrontier(Buffer.alloc(4)), undefined)
  assert.equal(deserializeFrontier(Buffer.alloc(8, 255)), undefined)
  assert.equal(deserializeFrontier(Buffer.concat([bytes, Buffer.alloc(32 * 60)])), undefined)
})
