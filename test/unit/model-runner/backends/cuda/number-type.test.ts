import { StartupError } from '../../../../../src/core/errors';
import { cudaNumberType } from '../../../../../src/model-runner/backends/cuda/number-type';

it.each([
  ['auto', 'bfloat16', 9, 'bfloat16'],
  ['auto', 'bfloat16', 7, 'float16'],
  ['auto', 'float16', 9, 'float16'],
  ['auto', 'float32', 9, 'float16'],
  ['half', 'bfloat16', 9, 'float16'],
  ['float16', 'float32', 7, 'float16'],
  ['bfloat16', 'float16', 8, 'bfloat16'],
] as const)('--dtype %s of a checkpoint in %s on capability %i is %s', (asked, stored, capability, type) => {
  expect(cudaNumberType(asked, stored, capability)).toBe(type);
});

it.each([
  ['float32', 9, /--dtype float32: attention on CUDA computes in float16 and bfloat16/],
  ['float', 9, /--dtype float:/],
  ['bfloat16', 7, /compute capability 8.0 or above, and this one has 7.x: use --dtype half/],
] as const)('refuses --dtype %s on capability %i', (asked, capability, message) => {
  const choose = () => cudaNumberType(asked, 'bfloat16', capability);
  expect(choose).toThrow(StartupError);
  expect(choose).toThrow(message);
});
