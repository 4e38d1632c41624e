import fc from 'fast-check';
import {
  INT4_ZEROS,
  toInt4Blocks,
  toInt8Columns,
  toInt8Panels,
} from '../../../../src/checkpoint/quantization/rounding';

/** Matrices with rows of very different sizes, some of them zeros. */
const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 9 }), inputs: fc.integer({ min: 1, max: 70 }) })
  .chain(({ rows, inputs }) =>
    fc.record({
      rows: fc.constant(rows),
      inputs: fc.constant(inputs),
      values: fc
        .array(
          fc.oneof(
            fc.constant(0),
            fc.float({ min: -8, max: 8, noNaN: true }).filter((value) => Math.abs(value) > 1e-30),
          ),
          {
            minLength: rows * inputs,
            maxLength: rows * inputs,
          },
        )
        .map((values) => Float32Array.from(values)),
    }),
  );

const magnitude = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);

it('int8 columns are within half a step of what was stored, whatever slabs they came in', () => {
  fc.assert(
    fc.property(matrix, fc.integer({ min: 1, max: 9 }), ({ rows, inputs, values }, slab) => {
      const rounded = new Int8Array(rows * inputs);
      const scales = new Float32Array(rows);
      for (let first = 0; first < rows; first += slab) {
        const part = values.slice(first * inputs, (first + slab) * inputs);
        toInt8Columns({ values: part, inputs, first }, rounded, scales);
      }
      for (let row = 0; row < rows; row++) {
        const scale = scales[row] as number;
        const stored = values.subarray(row * inputs, (row + 1) * inputs);
        expect(scale).toBe(Math.fround(magnitude(stored) / 127));
        stored.forEach((value, k) => {
          const error = Math.abs((rounded[k * rows + row] as number) * scale - value);
          expect(error).toBeLessThanOrEqual(scale * 0.5001);
        });
      }
    }),
  );
});

it('int8 panels hold what columns hold, four inputs of an output side by side', () => {
  const [rows, inputs] = [70, 12];
  const values = Float32Array.from({ length: rows * inputs }, (_, i) => ((i * 37) % 101) - 50);
  const columns = new Int8Array(rows * inputs);
  const panels = new Uint8Array(2 * 64 * inputs);
  const [scales, same, zeros] = [new Float32Array(rows), new Float32Array(rows), new Int32Array(rows)];
  for (let first = 0; first < rows; first += 30) {
    const part = { values: values.slice(first * inputs, (first + 30) * inputs), inputs, first };
    toInt8Columns(part, columns, scales);
    toInt8Panels(part, panels, same, zeros);
  }
  expect(same).toEqual(scales);
  const signed = new Int8Array(panels.buffer);
  for (let row = 0; row < rows; row++) {
    const own = Array.from({ length: inputs }, (_, k) => columns[k * rows + row] ?? NaN);
    const at = (k: number) => ((row >> 6) * (inputs / 4) + (k >> 2)) * 256 + (row & 63) * 4 + (k & 3);
    expect(own.map((_, k) => signed[at(k)])).toEqual(own);
    expect(zeros[row]).toBe(own.reduce((sum, value) => sum + 128 * value, 0));
  }
  expect(signed.subarray(64 * inputs).filter((_, i) => (i >> 2) % 64 >= rows - 64)).toEqual(
    new Int8Array((128 - rows) * inputs),
  );
});

it('a NaN spoils its own output and no other', () => {
  const rounded = new Int8Array(4);
  const scales = new Float32Array(2);
  toInt8Columns({ values: Float32Array.of(NaN, 1, 2, -2), inputs: 2, first: 0 }, rounded, scales);
  expect([...scales]).toEqual([NaN, Math.fround(2 / 127)]);
  expect([rounded[1], rounded[3]]).toEqual([127, -127]);
});

it('int4 blocks are within a step, reach the largest value exactly, and pad with zeros', () => {
  const BLOCK = 32;
  fc.assert(
    fc.property(matrix, ({ rows, inputs, values }) => {
      const blocks = Math.ceil(inputs / BLOCK);
      const rounded = new Uint8Array((rows * blocks * BLOCK) / 2).fill(INT4_ZEROS);
      const scales = new Float32Array(rows * blocks);
      toInt4Blocks({ values, inputs, first: 0 }, BLOCK, rounded, scales);
      for (let row = 0; row < rows; row++) {
        for (let place = 0; place < blocks * BLOCK; place++) {
          const at = row * blocks * BLOCK + place;
          const half = ((rounded[at >> 1] as number) >> (at % 2 === 0 ? 0 : 4)) & 0xf;
          const scale = scales[row * blocks + Math.floor(place / BLOCK)] as number;
          const stored = place < inputs ? (values[row * inputs + place] as number) : 0;
          const error = Math.abs((half - 8) * scale - stored);
          // Of 16 values seven lie above zero and eight below: the farthest above is a whole step away.
          expect(error).toBeLessThanOrEqual(Math.abs(scale) * 1.0001);
          if (half === 0) expect(error).toBeLessThanOrEqual(Math.abs(scale) * 0.5001);
        }
      }
    }),
  );
});
