import * as path from 'node:path';
import { ScratchFolder } from './scratch-folder';
import type { TensorDtype, TensorRef } from './safetensors';

/** Tensors made while a model is loaded, in files of their own until `close`. */
export class ConvertedWeights {
  private readonly tensors = new Map<string, TensorRef>();
  private folder: ScratchFolder | null = null;

  /** @param make the bytes, row-major and little-endian; asked for once a name */
  add(name: string, dtype: TensorDtype, shape: readonly number[], make: () => Uint8Array): TensorRef {
    let tensor = this.tensors.get(name);
    if (!tensor) {
      this.folder ??= new ScratchFolder('converted');
      const file = `${this.tensors.size}.bin`;
      const bytes = make();
      this.folder.append(file, bytes);
      const location = path.join(this.folder.path, file);
      tensor = { name, dtype, shape, file: location, offset: 0, byteLength: bytes.length };
      this.tensors.set(name, tensor);
    }
    return tensor;
  }

  close(): void {
    this.folder?.remove();
    this.folder = null;
    this.tensors.clear();
  }
}
