/* Attention of one instruction set. */
#pragma once
#include "kernels.h"
#include "vectors.h"

void CONCAT(append_, VARIANT)(const Attention *, size_t batch, size_t kv_head);
void CONCAT(attend_, VARIANT)(const Attention *, size_t batch, size_t kv_head, size_t first, size_t count);
