/* NVIDIA's runtime library, played on the host for as much as is called; `played` sets what it says. */
#include <stdlib.h>
#include <string.h>

static int driver = 77050, count = 2, failing = 0;

void played(int with_driver, int with_count, int with_failing) {
  driver = with_driver;
  count = with_count;
  failing = with_failing;
}

const char *cudaGetErrorString(int code) { return code == 719 ? "unspecified launch failure" : code == 2 ? "out of memory" : "no CUDA-capable device is detected"; }
int cudaDriverGetVersion(int *version) { *version = driver; return 0; }
int cudaGetDeviceCount(int *devices) { *devices = count; return count == 0 ? 100 : 0; }
int cudaSetDevice(int device) { return failing; }
int cudaDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return 0; }
int cudaMemGetInfo(size_t *free, size_t *total) { *free = 5000000000; *total = 6000000000; return failing; }
int cudaStreamCreateWithFlags(void **stream, unsigned flags) { *stream = (void *)(size_t)(0x100 + flags); return 0; }
int cudaStreamSynchronize(void *stream) { return stream == (void *)0x101 ? failing : 400; }
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
  if (stream != (void *)0x101 || kind < 1 || kind > 2) return 400;
  memmove(to, from, bytes);
  return failing;
}
int cudaHostAlloc(void **memory, size_t bytes, unsigned flags) { *memory = calloc(1, bytes); return failing; }
int cudaHostRegister(void *memory, size_t bytes, unsigned flags) { return failing; }
int cudaHostUnregister(void *memory) { return failing; }
