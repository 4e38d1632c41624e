/** Hadamard matrices of powers of two, scaled so that each is its own inverse, applied to blocks of a matrix. */

/**
 * Turns each block of `size` consecutive values of each row.
 * @param values [rows, width] with a width that is a multiple of `size`; changed in place
 */
export function turnInputs(values: Float32Array, size: number): void {
  for (let from = 0; from < values.length; from += size) turn(values, from, size);
}

/**
 * Turns each column of each block of `size` consecutive rows.
 * @param values [rows, width] with a number of rows that is a multiple of `size`; changed in place
 */
export function turnOutputs(values: Float32Array, width: number, size: number): void {
  for (let block = 0; block < values.length; block += size * width) {
    for (let half = 1; half < size; half *= 2) {
      for (let low = 0; low < size; low++) {
        if ((low & half) === 0) combineRows(values, block + low * width, block + (low + half) * width, width);
      }
    }
  }
  const scale = 1 / Math.sqrt(size);
  for (let at = 0; at < values.length; at++) values[at] = (values[at] as number) * scale;
}

/** The Hadamard matrix, row by row. */
export function hadamard(size: number): Float32Array {
  const matrix = new Float32Array(size * size);
  for (let row = 0; row < size; row++) matrix[row * size + row] = 1;
  turnInputs(matrix, size);
  return matrix;
}

/** One vector, by the fast transform: sums and differences of halves, of quarters, and so on. */
function turn(values: Float32Array, from: number, size: number): void {
  for (let half = 1; half < size; half *= 2) {
    for (let start = 0; start < size; start += 2 * half) {
      for (let at = start; at < start + half; at++) {
        const low = from + at;
        const high = low + half;
        const a = values[low] as number;
        const b = values[high] as number;
        values[low] = a + b;
        values[high] = a - b;
      }
    }
  }
  const scale = 1 / Math.sqrt(size);
  for (let at = 0; at < size; at++) values[from + at] = (values[from + at] as number) * scale;
}

function combineRows(values: Float32Array, low: number, high: number, width: number): void {
  for (let at = 0; at < width; at++) {
    const a = values[low + at] as number;
    const b = values[high + at] as number;
    values[low + at] = a + b;
    values[high + at] = a - b;
  }
}
