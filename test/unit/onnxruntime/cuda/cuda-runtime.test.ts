import { StartupError } from '../../../../src/core/errors';
import { openCudaStream } from '../../../../src/onnxruntime/cuda/cuda-runtime';

it('says which library is missing', () => {
  const open = () => openCudaStream(99, 0);
  expect(open).toThrow(StartupError);
  expect(open).toThrow('--device cuda needs the libraries of CUDA 99: libcudart.so.99 was not found');
});
