/**
 * The part of ONNX Runtime's C API that is used here: for each function its place in the `OrtApi` table and its C
 * signature. The order of that table never changes and new functions are appended, so a place is valid in every later
 * release (onnxruntime_c_api.h states this rule). A wrong line here is a crash, not an exception: each function is
 * exercised by test/unit/onnxruntime.
 *
 * Pointers are `void *`. Unless `returns` says otherwise a function returns an `OrtStatus *`, null on success.
 */
export interface Signature {
  readonly index: number;
  readonly args: readonly string[];
  /** `status` unless said otherwise. */
  readonly returns?: 'void' | 'int' | 'const char *';
}

const OUT = '_Out_ void **';

export const SIGNATURES = {
  GetErrorCode: { index: 1, args: ['void *'], returns: 'int' },
  GetErrorMessage: { index: 2, args: ['void *'], returns: 'const char *' },
  ReleaseStatus: { index: 93, args: ['void *'], returns: 'void' },

  CreateEnv: { index: 3, args: ['int', 'const char *', OUT] },

  CreateSessionOptions: { index: 10, args: [OUT] },
  SetSessionLogSeverityLevel: { index: 22, args: ['void *', 'int'] },
  SetSessionGraphOptimizationLevel: { index: 23, args: ['void *', 'int'] },
  SetIntraOpNumThreads: { index: 24, args: ['void *', 'int'] },
  RegisterCustomOpsLibrary_V2: { index: 228, args: ['void *', 'const char *'] },
  AddSessionConfigEntry: { index: 130, args: ['void *', 'const char *', 'const char *'] },
  ReleaseSessionOptions: { index: 100, args: ['void *'], returns: 'void' },

  SessionOptionsAppendExecutionProvider: {
    index: 216,
    args: ['void *', 'const char *', 'const char **', 'const char **', 'size_t'],
  },

  CreateSessionFromArray: { index: 8, args: ['void *', 'void *', 'size_t', 'void *', OUT] },
  SessionGetInputCount: { index: 30, args: ['void *', '_Out_ size_t *'] },
  SessionGetOutputCount: { index: 31, args: ['void *', '_Out_ size_t *'] },
  SessionGetInputName: { index: 36, args: ['void *', 'size_t', 'void *', OUT] },
  SessionGetOutputName: { index: 37, args: ['void *', 'size_t', 'void *', OUT] },
  SessionGetInputTypeInfo: { index: 33, args: ['void *', 'size_t', OUT] },
  SessionGetOutputTypeInfo: { index: 34, args: ['void *', 'size_t', OUT] },
  SessionGetMemoryInfoForInputs: { index: 380, args: ['void *', 'void *', 'size_t'] },
  ReleaseSession: { index: 95, args: ['void *'], returns: 'void' },

  CastTypeInfoToTensorInfo: { index: 55, args: ['void *', OUT] },
  GetTensorElementType: { index: 60, args: ['void *', '_Out_ int *'] },
  GetDimensionsCount: { index: 61, args: ['void *', '_Out_ size_t *'] },
  GetDimensions: { index: 62, args: ['void *', 'void *', 'size_t'] },
  ReleaseTypeInfo: { index: 98, args: ['void *'], returns: 'void' },

  GetAllocatorWithDefaultOptions: { index: 78, args: [OUT] },
  AllocatorFree: { index: 76, args: ['void *', 'void *'] },
  CreateCpuMemoryInfo: { index: 69, args: ['int', 'int', OUT] },
  CreateMemoryInfo: { index: 68, args: ['const char *', 'int', 'int', 'int', OUT] },
  MemoryInfoGetName: { index: 71, args: ['void *', OUT] },
  ReleaseMemoryInfo: { index: 94, args: ['void *'], returns: 'void' },
  CreateAllocator: { index: 131, args: ['void *', 'void *', OUT] },
  ReleaseAllocator: { index: 132, args: ['void *'], returns: 'void' },

  CreateTensorWithDataAsOrtValue: {
    index: 49,
    args: ['void *', 'void *', 'size_t', 'void *', 'size_t', 'int', OUT],
  },
  CreateTensorAsOrtValue: { index: 48, args: ['void *', 'void *', 'size_t', 'int', OUT] },
  GetTensorMutableData: { index: 51, args: ['void *', OUT] },
  CopyTensors: { index: 386, args: ['void *', 'void **', 'void **', 'void *', 'size_t'] },
  ReleaseValue: { index: 96, args: ['void *'], returns: 'void' },

  CreateRunOptions: { index: 39, args: [OUT] },
  ReleaseRunOptions: { index: 97, args: ['void *'], returns: 'void' },
  AddRunConfigEntry: { index: 165, args: ['void *', 'const char *', 'const char *'] },
  RunOptionsEnableProfiling: { index: 415, args: ['void *', 'const char *'] },
  RunOptionsDisableProfiling: { index: 416, args: ['void *'] },

  CreateIoBinding: { index: 134, args: ['void *', OUT] },
  BindInput: { index: 136, args: ['void *', 'const char *', 'void *'] },
  BindOutput: { index: 137, args: ['void *', 'const char *', 'void *'] },
  RunWithBinding: { index: 133, args: ['void *', 'void *', 'void *'] },
  ReleaseIoBinding: { index: 135, args: ['void *'], returns: 'void' },

  CreateCUDAProviderOptions: { index: 205, args: [OUT] },
  UpdateCUDAProviderOptions: { index: 206, args: ['void *', 'const char **', 'const char **', 'size_t'] },
  ReleaseCUDAProviderOptions: { index: 208, args: ['void *'], returns: 'void' },
  SessionOptionsAppendExecutionProvider_CUDA_V2: { index: 204, args: ['void *', 'void *'] },
} as const satisfies Record<string, Signature>;

export type FunctionName = keyof typeof SIGNATURES;
