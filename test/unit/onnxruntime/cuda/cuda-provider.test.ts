import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../../../src/core/errors';
import { OrtError, ortLibrary } from '../../../../src/onnxruntime/library';
import { appendCudaProvider, cudaMajor, cudaReason } from '../../../../src/onnxruntime/cuda/cuda-provider';

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

describe('a session of the provider', () => {
  let folder: string;
  const OPTIONS = { name: 'cuda', deviceId: 2, stream: 0xabcden, enableCudaGraph: true } as const;
  /** What the library was asked for, in order. */
  let asked: unknown[][];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'provider-'));
    writeFileSync(join(folder, 'libonnxruntime_providers_cuda.so'), 'libcudart.so.13\0');
    asked = [];
    const note = (...call: unknown[]) => void asked.push(call);
    const library = ortLibrary();
    jest.spyOn(library, 'create').mockImplementation((...call) => (note(...call), 7n));
    jest.spyOn(library, 'call').mockImplementation(note);
    jest.spyOn(library, 'release').mockImplementation(note);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  it('is told its device, our stream and whether graphs are captured', () => {
    appendCudaProvider(1n, OPTIONS, folder);
    expect(asked.map(([name]) => name)).toEqual([
      'CreateCUDAProviderOptions',
      'UpdateCUDAProviderOptions',
      'SessionOptionsAppendExecutionProvider_CUDA_V2',
      'ReleaseCUDAProviderOptions',
    ]);
    const [, pointer, keys, values, count] = asked[1] as [string, bigint, string[], string[], number];
    expect(pointer).toBe(7n);
    expect(count).toBe(keys.length);
    expect(Object.fromEntries(keys.map((key, i) => [key, values[i]]))).toEqual({
      device_id: '2',
      has_user_compute_stream: '1',
      user_compute_stream: String(0xabcde),
      do_copy_in_default_stream: '1',
      enable_cuda_graph: '1',
      arena_extend_strategy: 'kSameAsRequested',
      use_tf32: '0',
    });
    expect(asked[2]).toEqual(['SessionOptionsAppendExecutionProvider_CUDA_V2', 1n, 7n]);
  });

  it('names what is missing, and gives its options back', () => {
    jest.spyOn(ortLibrary(), 'call').mockImplementation((name) => {
      throw new OrtError(
        name,
        1,
        'with error: libcurand.so.10: cannot open shared object file: No such file',
      );
    });
    expect(() => appendCudaProvider(1n, OPTIONS, folder)).toThrow(
      new StartupError(
        '--device cuda cannot be used: libcurand.so.10 is missing: the provider needs the libraries of CUDA 13',
      ),
    );
    expect(asked.at(-1)).toEqual(['ReleaseCUDAProviderOptions', 7n]);
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
