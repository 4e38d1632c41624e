import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../../../src/core/errors';
import { cudaMajor, cudaReason } from '../../../../src/onnxruntime/cuda/cuda-provider';

describe('the release of CUDA that a provider was built for', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'provider-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const provider = (content: Uint8Array) =>
    writeFileSync(join(folder, 'libonnxruntime_providers_cuda.so'), content);

  it.each([0, 12, (1 << 20) - 8, 2_500_000])(
    'is read from the library, wherever the name stands (%i)',
    (at) => {
      const content = Buffer.alloc(at + 4096);
      content.write('\0libcudart.so.13\0', at, 'latin1');
      provider(content);
      expect(cudaMajor(folder)).toBe(13);
    },
  );

  it('cannot be told of another library', () => {
    provider(Buffer.alloc(100));
    expect(() => cudaMajor(folder)).toThrow(
      /is not ONNX Runtime's CUDA provider, or damaged: npx sglang_install_cuda/,
    );
  });

  it('cannot be told where there is none', () => {
    expect(() => cudaMajor(folder)).toThrow(StartupError);
    expect(() => cudaMajor(folder)).toThrow(/not installed: npx sglang_install_cuda/);
  });
});

describe('what the provider says when it cannot be loaded', () => {
  const said = (library: string) =>
    `CreateCUDAProviderOptions: Failed to load library /x/libonnxruntime_providers_cuda.so with error: ${library}: cannot open shared object file: No such file or directory\nmore`;

  it.each([
    ['libcublasLt.so.13', 'libcublasLt.so.13 is missing: the provider needs the libraries of CUDA 13'],
    ['libcudnn.so.9', 'libcudnn.so.9 is missing: the provider needs cuDNN for CUDA 13'],
    ['libcuda.so.1', 'libcuda.so.1 is missing, which comes with the NVIDIA driver'],
  ])('names %s and where it comes from', (library, reason) => {
    expect(cudaReason(said(library), 13)).toBe(reason);
  });

  it('is told in one line otherwise', () => {
    expect(cudaReason('something else\nand more', 13)).toBe(
      'something else (install the provider with: npx sglang_install_cuda)',
    );
  });
});
