import { Window } from '../../../../src/scheduler/experts/window';

function filled(capacity: number, count: number): Window<number> {
  const window = new Window<number>(capacity);
  for (let value = 1; value <= count; value++) window.push(value);
  return window;
}

test.each([
  [3, 0, []],
  [3, 2, [1, 2]],
  [3, 3, [1, 2, 3]],
  [3, 8, [6, 7, 8]],
  [1, 5, [5]],
  [Infinity, 5, [1, 2, 3, 4, 5]],
])('of capacity %d and %d values it has the last ones, in their order', (capacity, count, values) => {
  expect(filled(capacity, count).toArray()).toEqual(values);
});

test('begins anew when it is cleared', () => {
  const window = filled(3, 5);
  window.clear();
  expect(window.toArray()).toEqual([]);
  for (const value of [7, 8, 9, 10]) window.push(value);
  expect(window.toArray()).toEqual([8, 9, 10]);
});
