"""A decoder as transformers.js loads it, in float32 and in int8: python export-transformers-js.py CHECKPOINT FOLDER.

Exported and quantized as the library's own conversion does it for Llama and Qwen 2: ONNX Runtime's dynamic quantization with a
scale for each matrix.
"""

import json
import sys
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import main_export

# In place of the end of a dimension in a Slice.
END = 2**63 - 1


def keep_last_logits(file):
    """Adds the input by which transformers.js asks for the logits of a prompt's last tokens alone, 0 for all of them."""
    model = onnx.load(file, load_external_data=False)
    graph = model.graph
    at, head = next((at, node) for at, node in enumerate(graph.node) if "logits" in node.output)
    graph.input.append(onnx.helper.make_tensor_value_info("num_logits_to_keep", onnx.TensorProto.INT64, []))
    for name, value in {"kept_shape": 1, "kept_end": END, "kept_axis": 1}.items():
        graph.initializer.append(onnx.helper.make_tensor(name, onnx.TensorProto.INT64, [1], [value]))
    nodes = [
        onnx.helper.make_node("Neg", ["num_logits_to_keep"], ["kept_begin"]),
        onnx.helper.make_node("Reshape", ["kept_begin", "kept_shape"], ["kept_begins"]),
        onnx.helper.make_node("Slice", [head.input[0], "kept_begins", "kept_end", "kept_axis"], ["kept_hidden"]),
    ]
    head.input[0] = "kept_hidden"
    for node in reversed(nodes):
        graph.node.insert(at, node)
    logits = next(output for output in graph.output if output.name == "logits")
    logits.type.tensor_type.shape.dim[1].dim_param = "kept_length"
    onnx.save(model, file)


checkpoint, folder = sys.argv[1], Path(sys.argv[2])
# Without what comes after an export, which can make one tensor of a tied table and head: then the head stays in float32.
main_export(checkpoint, output=folder, task="text-generation-with-past", do_validation=False, no_post_process=True)
(folder / "onnx").mkdir(exist_ok=True)
for file in folder.glob("model.onnx*"):
    file.rename(folder / "onnx" / file.name)
model = folder / "onnx" / "model.onnx"
keep_last_logits(model)
quantize_dynamic(model, model.with_name("model_quantized.onnx"), weight_type=QuantType.QInt8)
if model.with_name("model.onnx_data").exists():
    file = folder / "config.json"
    external = {"transformers.js_config": {"use_external_data_format": {"model.onnx": True}}}
    file.write_text(json.dumps(json.loads(file.read_text()) | external, indent=2))
