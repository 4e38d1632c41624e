import { CapturedShapes } from '../../../src/model-runner/captured-shapes';

function captured(sizes: readonly number[], pads: boolean, capacity: number): CapturedShapes {
  const shapes = new CapturedShapes(pads, capacity);
  for (const size of sizes) shapes.add(size);
  return shapes;
}

it('runs a batch as the next larger size, where padding is allowed', () => {
  const shapes = captured([16, 4, 8], true, 0);
  expect([1, 4, 5, 16].map((size) => shapes.of(size, 10)?.size)).toEqual([4, 4, 8, 16]);
  expect(shapes.of(17, 10)).toBeNull();
});

it('runs other sizes as they are, where it is not', () => {
  const shapes = captured([4, 8], false, 0);
  expect([3, 4, 8, 9].map((size) => shapes.of(size, 10)?.size)).toEqual([undefined, 4, 8, undefined]);
});

it('captures small sizes for long rows as well, and takes those where one is', () => {
  const shapes = new CapturedShapes(true, 2048);
  expect(shapes.add(8).map(({ least }) => least)).toEqual([513, 0]);
  expect(shapes.add(9).map(({ least }) => least)).toEqual([0]);
  expect([1, 512, 513, 2048].map((longest) => shapes.of(5, longest)?.least)).toEqual([0, 0, 513, 513]);
  expect(shapes.of(9, 2048)).toEqual({ size: 9, least: 0, number: 9 });
});

it('captures nothing twice that no row can reach, and has a number for each', () => {
  expect(new CapturedShapes(true, 512).add(1)).toHaveLength(1);
  const shapes = new CapturedShapes(true, 513);
  const numbers = [1, 2, 4, 8, 16, 512].flatMap((size) => shapes.add(size).map(({ number }) => number));
  expect(new Set(numbers).size).toBe(6 + 4);
  expect(shapes.add(4)).toHaveLength(2);
  expect(shapes.of(4, 1)?.number).toBe(4);
});
