import koffi, { type LibraryHandle } from 'koffi';

/** Sessions of ONNX Runtime recurse deeper while they are created than koffi's own stack for asynchronous calls allows. */
const ASYNC_STACK_BYTES = 8 * 1024 * 1024;

/**
 * Opens a library of native code. All are opened here: the size of that stack belongs to the process, and is settled once any
 * library is open.
 * @param path null: what the process itself is linked with, such as the C library
 */
export function openLibrary(path: string | null): LibraryHandle {
  if ((koffi.config().async_stack_size ?? 0) < ASYNC_STACK_BYTES) {
    koffi.config({ async_stack_size: ASYNC_STACK_BYTES });
  }
  return koffi.load(path);
}
