"""OpenVINO GenAI behind lines of JSON: python serve-openvino.py MODEL THREADS USERS (see startLines in ../child.mjs)."""

import json
import sys

import numpy as np
import openvino as ov
import openvino_genai as genai

model, threads, users = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def say(message):
    print(json.dumps(message), flush=True)


scheduling = genai.SchedulerConfig()
scheduling.cache_size = 1  # GiB
scheduling.max_num_seqs = users
pipeline = genai.ContinuousBatchingPipeline(
    model, scheduling, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
)
say({"ready": True})

next_id = 0
for line in sys.stdin:
    request = json.loads(line)
    config = genai.GenerationConfig()
    config.do_sample = False
    config.ignore_eos = True
    config.max_new_tokens = request["newTokens"]
    handles = []
    for ids in request["prompts"]:
        prompt = ov.Tensor(np.array([ids], dtype=np.int64))
        handles.append(pipeline.add_request(next_id, prompt, config))
        next_id += 1
    while pipeline.has_non_finished_requests():
        pipeline.step()
        for user, handle in enumerate(handles):
            while handle.can_read():
                for output in handle.read().values():
                    say([user, *output.generated_ids])
    say([])
