import { ownKernels } from '../core/own-kernels';
import { ortLibrary, type Pointer } from './library';

/**
 * The library of this project's own operators, which sessions on the CPU may compute with: attention over rows of keys and values,
 * rounding to 8 bits. null where there is none for the machine; graphs are made of ONNX Runtime's operators then.
 */
export function ownOperators(): string | null {
  return ownKernels()?.file ?? null;
}

/** Lets a session that is created with these options compute the operators. @throws OrtError */
export function registerOwnOperators(options: Pointer, library: string): void {
  ortLibrary().call('RegisterCustomOpsLibrary_V2', options, library);
}
