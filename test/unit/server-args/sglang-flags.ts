/** Every name of a flag that SGLang 0.5.9 knows: the ones that matter to this server first. */
export const MAIN_FLAGS = words(`
  --model-path --model --tokenizer-path --tokenizer-mode --tokenizer-worker-num --skip-tokenizer-init
  --load-format --model-loader-extra-config --trust-remote-code --context-length --is-embedding
  --enable-multimodal --revision --model-impl --host --port --fastapi-root-path --grpc-mode
  --skip-server-warmup --warmups --nccl-port --checkpoint-engine-wait-weights-before-ready --dtype
  --quantization --kv-cache-dtype --mem-fraction-static --max-running-requests --max-queued-requests
  --max-total-tokens --chunked-prefill-size --prefill-max-requests --enable-dynamic-chunking
  --max-prefill-tokens --schedule-policy --enable-priority-scheduling
  --abort-on-priority-when-disabled --schedule-low-priority-values-first
  --priority-scheduling-preemption-threshold --schedule-conservativeness --page-size
  --hybrid-kvcache-ratio --swa-full-tokens-ratio --disable-hybrid-swa-memory --radix-eviction-policy
  --device --tensor-parallel-size --tp-size --pipeline-parallel-size --pp-size --stream-interval
  --stream-output --random-seed --constrained-json-whitespace-pattern
  --constrained-json-disable-any-whitespace --watchdog-timeout --soft-watchdog-timeout --dist-timeout
  --download-dir --model-checksum --base-gpu-id --gpu-id-step --sleep-on-idle --custom-sigquit-handler
  --log-level --log-level-http --log-requests --log-requests-level --log-requests-format
  --log-requests-target --uvicorn-access-log-exclude-prefixes --crash-dump-folder --show-time-cost
  --enable-metrics --enable-metrics-for-all-schedulers --tokenizer-metrics-custom-labels-header
  --tokenizer-metrics-allowed-custom-labels --extra-metric-labels --bucket-time-to-first-token
  --bucket-inter-token-latency --bucket-e2e-request-latency --collect-tokens-histogram
  --prompt-tokens-buckets --generation-tokens-buckets --gc-warning-threshold-secs
  --decode-log-interval --enable-request-time-stats-logging --kv-events-config --enable-trace
  --otlp-traces-endpoint --export-metrics-to-file --export-metrics-to-file-dir --api-key
  --admin-api-key --served-model-name --weight-version --chat-template --hf-chat-template-name
  --completion-template --file-storage-path --enable-cache-report --reasoning-parser
  --tool-call-parser --tool-server --sampling-defaults --data-parallel-size --dp-size
  --load-balance-method --dist-init-addr --nccl-init-addr --nnodes --node-rank
  --json-model-override-args --preferred-sampling-params --enable-lora --attention-backend
  --prefill-attention-backend --decode-attention-backend --sampling-backend --grammar-backend
  --speculative-algorithm --expert-parallel-size --ep-size --ep --expert-distribution-recorder-mode
  --expert-distribution-recorder-buffer-size --enable-expert-distribution-metrics
  --enable-hierarchical-cache --multi-item-scoring-delimiter --disable-radix-cache --cuda-graph-max-bs
  --cuda-graph-bs --disable-cuda-graph --disable-cuda-graph-padding --enable-tokenizer-batch-encode
  --disable-tokenizer-batch-decode --disable-overlap-schedule --enable-mixed-chunk
  --enable-torch-compile --num-continuous-decode-steps --delete-ckpt-after-loading
  --enable-memory-saver --allow-auto-truncate --enable-custom-logit-processor
  --enable-return-hidden-states --enable-return-routed-experts --scheduler-recv-interval
  --enable-deterministic-inference --enable-dynamic-batch-tokenizer
  --dynamic-batch-tokenizer-batch-size --dynamic-batch-tokenizer-batch-timeout --disaggregation-mode
  --config --limit-mm-data-per-request
`);

/** Kernels, several GPUs, experts, speculation, disaggregation, images. */
export const OTHER_FLAGS = words(`
  --quantization-param-path --quantize-and-serve --rl-quant-profile --attention-context-parallel-size
  --attn-cp-size --pp-max-micro-batch-size --pp-async-batch-depth --prefill-round-robin-balance
  --ep-num-redundant-experts --ep-dispatch-algorithm --init-expert-location --elastic-ep-backend
  --mooncake-ib-device --hierarchical-sparse-attention-extra-config --tbo-token-distribution-threshold
  --numa-node --rl-on-policy-target --num-reserved-decode-tokens --language-only
  --custom-weight-loader --pdmux-config-path --sm-group-num --decrypted-config-file
  --decrypted-draft-config-file --forward-hooks --enable-fp32-lm-head --enable-multi-layer-eagle
  --enable-flashinfer-allreduce-fusion --enable-lmcache --enable-double-sparsity
  --enable-profile-cuda-graph --enable-cudagraph-gc --enable-layerwise-nvtx-marker --enable-nccl-nvls
  --enable-mscclpp --enable-dp-attention --enable-dp-lm-head --enable-two-batch-overlap
  --enable-single-batch-overlap --enable-nan-detection --enable-p2p-check --enable-weights-cpu-backup
  --enable-draft-weights-cpu-backup --enable-attn-tp-input-scattered --enable-fused-qk-norm-rope
  --enable-precise-embedding-interpolation --enable-pdmux --modelopt-quant
  --modelopt-checkpoint-restore-path --modelopt-checkpoint-save-path --modelopt-export-path
  --enable-prefill-delayer --prefill-delayer-max-delay-passes
  --prefill-delayer-token-usage-low-watermark --prefill-delayer-forward-passes-buckets
  --prefill-delayer-wait-seconds-buckets --ds-channel-config-path --ds-heavy-channel-num
  --ds-heavy-token-num --ds-heavy-channel-type --ds-sparse-decode-threshold --moe-data-parallel-size
  --moe-dp-size --moe-a2a-backend --moe-runner-backend --flashinfer-mxfp4-moe-precision
  --moe-dense-tp-size --disable-flashinfer-cutlass-moe-fp4-allgather --enable-lora-overlap-loading
  --max-lora-rank --lora-target-modules --lora-paths --max-loras-per-batch --max-loaded-loras
  --lora-eviction-policy --lora-backend --max-lora-chunk-size --mm-attention-backend
  --fp8-gemm-backend --fp4-gemm-backend --enable-symm-mem --enable-torch-symm-mem
  --keep-mm-feature-on-device --mm-max-concurrent-calls --mm-per-request-timeout
  --enable-broadcast-mm-inputs-process --mm-process-config --mm-enable-dp-encoder
  --enable-prefix-mm-cache --nsa-prefill-backend --nsa-decode-backend
  --enable-nsa-prefill-context-parallel --nsa-prefill-cp-mode --disable-flashinfer-autotune
  --disable-outlines-disk-cache --disable-custom-all-reduce --flashinfer-mla-disable-ragged
  --disable-shared-experts-fusion --disable-chunked-prefix-cache --disable-fast-image-processor
  --weight-loader-disable-mmap --speculative-draft-model-path --speculative-draft-model
  --speculative-draft-model-revision --speculative-draft-load-format --speculative-num-steps
  --speculative-eagle-topk --speculative-num-draft-tokens --speculative-accept-threshold-single
  --speculative-accept-threshold-acc --speculative-token-map --speculative-attention-mode
  --speculative-draft-attention-backend --speculative-moe-runner-backend --speculative-moe-a2a-backend
  --speculative-draft-model-quantization --speculative-ngram-min-match-window-size
  --speculative-ngram-max-match-window-size --speculative-ngram-min-bfs-breadth
  --speculative-ngram-max-bfs-breadth --speculative-ngram-match-type --speculative-ngram-branch-length
  --speculative-ngram-capacity --deepep-mode --deepep-config --enable-eplb --eplb-algorithm
  --eplb-rebalance-num-iterations --eplb-rebalance-layers-per-chunk
  --eplb-min-rebalancing-utilization-threshold --max-mamba-cache-size --mamba-ssm-dtype
  --mamba-full-memory-ratio --mamba-scheduler-strategy --mamba-track-interval --mamba-backend
  --hicache-ratio --hicache-size --hicache-write-policy --hicache-io-backend --hicache-mem-layout
  --disable-hicache-numa-detect --hicache-storage-backend --hicache-storage-prefetch-policy
  --hicache-storage-backend-extra-config --kt-weight-path --kt-method --kt-cpuinfer
  --kt-threadpool-count --kt-num-gpu-experts --kt-max-deferred-experts-per-token --dllm-algorithm
  --dllm-algorithm-config --cpu-offload-gb --offload-group-size --offload-num-in-group
  --offload-prefetch-step --offload-mode --enable-torch-compile-debug-mode
  --debug-tensor-dump-output-folder --debug-tensor-dump-layers --debug-tensor-dump-input-file
  --debug-tensor-dump-inject --enable-piecewise-cuda-graph --piecewise-cuda-graph-tokens
  --piecewise-cuda-graph-compiler --piecewise-cuda-graph-max-tokens --torch-compile-max-bs
  --torchao-config --triton-attention-reduce-in-fp32 --triton-attention-num-kv-splits
  --triton-attention-split-tile-size --disaggregation-transfer-backend --disaggregation-bootstrap-port
  --disaggregation-decode-tp --disaggregation-decode-dp --disaggregation-prefill-pp
  --disaggregation-ib-device --disaggregation-decode-enable-offload-kvcache
  --disaggregation-decode-polling-interval --encoder-only --encoder-transfer-backend --encoder-urls
  --remote-instance-weight-loader-seed-instance-ip
  --remote-instance-weight-loader-seed-instance-service-port
  --remote-instance-weight-loader-send-weights-group-ports --remote-instance-weight-loader-backend
  --remote-instance-weight-loader-start-seed-via-transfer-engine
`);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
