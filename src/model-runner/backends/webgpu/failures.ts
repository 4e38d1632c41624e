import { DeviceLostError, StartupError } from '../../../core/errors';
import { OrtError } from '../../../onnxruntime/library';

/**
 * Tells a run that failed from a device that is gone. Nothing can be copied from or to one that is lost, whatever else
 * is still accepted.
 * @returns what to throw in place of the error
 */
export function ofRun(error: unknown): unknown {
  if (!(error instanceof OrtError)) return error;
  if (error.functionName !== 'CopyTensors' && !/\blost\b/i.test(error.message)) return error;
  return new DeviceLostError(
    `--device webgpu: the device was lost (${firstLine(error)}). Start the server again; the log of the system may say what happened to the GPU`,
  );
}

/** Words what went wrong when memory was taken or first used. */
export function ofReservation(error: unknown, bytes: number): unknown {
  if (!(error instanceof OrtError)) return error;
  const gib = (bytes / 2 ** 30).toFixed(2);
  return new StartupError(
    `--device webgpu: the device has no room for ${gib} GiB of keys and values. Lower --max-total-tokens, --max-running-requests or --context-length`,
  );
}

function firstLine({ message }: OrtError): string {
  return (message.split('\n')[0] ?? '').replace(/\.$/, '');
}
