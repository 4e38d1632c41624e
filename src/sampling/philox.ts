/**
 * Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): a keyed bijection of counters
 * that passes for random. The seed is the key and the position in the output is the counter, so that a draw depends on
 * nothing else: a request that is retracted and computed again draws the same numbers, in whatever batch it runs.
 */
type Block = [number, number, number, number];

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

/** One block of four random 32-bit words for a counter of four and a key of two. */
export function philox4x32(counter: Readonly<Block>, key: readonly [number, number]): Block {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const first = mulHigh(MULTIPLIERS[0], a);
    const second = mulHigh(MULTIPLIERS[1], c);
    [a, b, c, d] = [
      (second ^ b ^ k0) >>> 0,
      Math.imul(MULTIPLIERS[1], c) >>> 0,
      (first ^ d ^ k1) >>> 0,
      Math.imul(MULTIPLIERS[0], a) >>> 0,
    ];
    k0 = (k0 + KEY_STEPS[0]) >>> 0;
    k1 = (k1 + KEY_STEPS[1]) >>> 0;
  }
  return [a, b, c, d];
}

/**
 * The random number of a position.
 * @param seed an integer; its lower 64 bits count
 * @param position index of the token among those generated
 * @param sample which of the sequences of this seed
 * @returns uniform in [0, 1), a multiple of 2⁻⁵³
 */
export function uniform(seed: number, position: number, sample = 0): number {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  const [high, low] = philox4x32([position >>> 0, sample >>> 0, 0, 0], key);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** The upper 32 bits of the product of two unsigned 32-bit words. */
function mulHigh(x: number, y: number): number {
  const [x0, x1, y0, y1] = [x & 0xffff, x >>> 16, y & 0xffff, y >>> 16];
  const middle = x1 * y0 + ((x0 * y0) >>> 16);
  const carry = ((middle & 0xffff) + x0 * y1) >>> 16;
  return x1 * y1 + (middle >>> 16) + carry;
}
