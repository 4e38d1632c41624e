import type { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { ElementTypeName, TensorData } from '../../../onnxruntime/element-type';
import { Tensor } from '../../../onnxruntime/tensor';
import type { StagedTensor } from '../backend';
import { frontOf } from '../host-tensor';

/** A tensor on the device with a copy on the host. */
export class DeviceTensor<D extends TensorData> implements StagedTensor<D> {
  private readonly host: Tensor;

  /**
   * @param data the host side; its memory never moves
   * @param tensor the device side, this object's own
   */
  constructor(
    private readonly memory: DeviceMemory,
    private readonly type: ElementTypeName,
    readonly data: D,
    readonly tensor: Tensor,
  ) {
    this.host = Tensor.over(type, data, tensor.dims);
  }

  front(dims: readonly number[]): DeviceTensor<D> {
    const { memory, type, data, tensor } = this;
    return new DeviceTensor(memory, type, frontOf(data, dims), memory.view(tensor, type, dims));
  }

  upload(): void {
    this.memory.upload(this.host, this.tensor);
  }

  download(): Promise<void> {
    return this.memory.download(this.tensor, this.host);
  }

  dispose(): void {
    this.host.dispose();
    this.tensor.dispose();
  }
}
