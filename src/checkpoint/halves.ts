const VALUES = 2 ** 16;
let table: Float32Array | undefined;

/** What each of the 65,536 half-precision numbers stands for, by its bits. */
export function halfValues(): Float32Array {
  return (table ??= Float32Array.from({ length: VALUES }, (_, bits) => valueOf(bits)));
}

function valueOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
