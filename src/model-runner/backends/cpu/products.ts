import { readFileSync } from 'node:fs';

/** Flags of processors that add products of 8 bits up in 32: nothing can overflow on the way. */
const EXACT_PRODUCTS = /\b(avx512_vnni|avx_vnni)\b/;

/**
 * Whether the processor's fast products of unsigned with signed bytes are exact. Those of x64 processors without VNNI add pairs up in 16 bits, which
 * can overflow. Where nothing can be learned of the processor they are taken for inexact.
 * @param cpuInfo what Linux says of the processors
 */
export function hasExactProducts(arch: string = process.arch, cpuInfo: () => string = readCpuInfo): boolean {
  return arch !== 'x64' || EXACT_PRODUCTS.test(cpuInfo());
}

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
