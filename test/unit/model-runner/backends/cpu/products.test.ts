import { hasExactProducts } from '../../../../../src/model-runner/backends/cpu/products';

test.each([
  ['x64', 'flags\t\t: fpu avx2 avx512f avx512_vnni avx512_bf16', true],
  ['x64', 'flags\t\t: fpu avx2 avx_vnni', true],
  ['x64', 'flags\t\t: fpu avx2 avx512f avx512bw', false],
  ['x64', '', false],
  ['arm64', '', true],
])('%s with %j: exact products %s', (arch, flags, exact) => {
  expect(hasExactProducts(arch, () => flags)).toBe(exact);
});
