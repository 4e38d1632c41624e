import type { ElementTypeName, TensorData } from '../../onnxruntime/element-type';
import { Tensor } from '../../onnxruntime/tensor';
import type { StagedTensor } from './backend';

/** A tensor that runs read and write in memory of the process: nothing is copied. */
export class HostTensor<D extends TensorData> implements StagedTensor<D> {
  readonly tensor: Tensor;

  /** @param data its memory never moves */
  constructor(
    private readonly type: ElementTypeName,
    readonly data: D,
    dims: readonly number[],
  ) {
    this.tensor = Tensor.over(type, data, dims);
  }

  front(dims: readonly number[]): HostTensor<D> {
    return new HostTensor(this.type, frontOf(this.data, dims), dims);
  }

  upload(): void {}

  download(): null {
    return null;
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

/** The first elements of an array, as many as a tensor of this shape has. */
export function frontOf<D extends TensorData>(data: D, dims: readonly number[]): D {
  return data.subarray(
    0,
    dims.reduce((product, dim) => product * dim, 1),
  ) as D;
}
