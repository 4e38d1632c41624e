import { ortLibrary, type Pointer } from './library';

let env: Pointer | null = null;

/** ONNX Runtime's environment: one for the life of the process. Logs errors only; warnings concern graph authors. */
export function ortEnv(): Pointer {
  const LOG_ERRORS = 3;
  env ??= ortLibrary().create('CreateEnv', LOG_ERRORS, 'sglang-node');
  return env;
}
