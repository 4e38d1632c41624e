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

/** Words what went wrong when batches were first run: buffers that there was no room for are only found out then. */
export function ofCapture(error: unknown): Error | null {
  if (!(error instanceof OrtError) || !/\binvalid\b.*previous error|out of memory/is.test(error.message))
    return null;
  return new StartupError(
    '--device webgpu: the device has no room for the weights, the keys and values, and what a run needs. Take a smaller model, or lower ' +
      '--max-total-tokens, --max-running-requests or --context-length',
  );
}

function firstLine({ message }: OrtError): string {
  return (message.split('\n')[0] ?? '').replace(/\.$/, '');
}
