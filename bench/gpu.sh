#!/bin/sh
# From a machine with an NVIDIA GPU, Node and a network to one report (see bench/gpu.ts): installs, tests, measures.
# In the root of a checkout:   sh bench/gpu.sh [options of bench:gpu] | tee report.txt
# A rehearsal without a GPU:   sh bench/gpu.sh --device cpu --users 1,4 --prefill 32 --steps 3
set -eu
cd "$(dirname "$0")/.."

device=cuda
case " $* " in *' --device cpu '*) device=cpu ;; esac

command -v node >/dev/null || { echo 'Node.js 20.19 or newer is needed: https://nodejs.org' >&2; exit 1; }
if [ "$device" = cuda ]; then
  command -v nvidia-smi >/dev/null || { echo 'nvidia-smi is missing: no NVIDIA driver is installed' >&2; exit 1; }
  nvidia-smi --query-gpu=index,name,memory.total,driver_version --format=csv,noheader
fi

[ -d node_modules ] || ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund
npm run build --silent
natives=node_modules/onnxruntime-node/bin/napi-v6/linux/x64
if [ "$device" = cuda ] && [ ! -e "$natives/libonnxruntime_providers_cuda.so" ]; then
  node dist/install-cuda.js
fi

npx jest --maxWorkers=1 test/unit/onnxruntime/cuda test/unit/model-runner/backends/cuda test/model/cuda.test.ts
npm run bench:gpu --silent -- "$@"
