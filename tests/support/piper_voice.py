"""Builds a Piper voice that speaks in tones: audible, of a few kB, and the same bytes each time.

Real Piper voices are ONNX graphs from phoneme ids to samples. This one looks each id up in a table of
sounds, a fortieth of a second each, and stretches the result by the length scale.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

RATE = 16_000
SOUND = RATE // 40
IDS = 160
SILENT = ("_", "^", "$", " ")


def build_voice(folder: Path, name: str = "en_US-tones-low", *, speakers: int = 1) -> Path:
    """Write ``name.onnx`` and its ``.json`` to ``folder``; the path of the former."""
    path = folder / f"{name}.onnx"
    onnx.save(_graph(speakers), path)
    Path(f"{path}.json").write_text(json.dumps(_description(speakers)))
    return path


def _description(speakers: int) -> dict[str, object]:
    return {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "num_symbols": IDS,
        "num_speakers": speakers,
        "speaker_id_map": {f"speaker{number}": number for number in range(speakers)} if speakers > 1 else {},
        "inference": {"noise_scale": 0, "length_scale": 1, "noise_w": 0},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }


def _sounds() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    times = np.arange(SOUND) / RATE
    table = np.stack([np.sin(2 * np.pi * (160 + 40 * (number % 40)) * times) for number in range(IDS)])
    for symbol in SILENT:
        table[DEFAULT_PHONEME_ID_MAP[symbol]] = 0
    return (0.5 * table).astype(np.float32)


def _graph(speakers: int) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["sounds", "which"], ["spoken"], axis=0),  # (1, ids, SOUND)
        helper.make_node("Reshape", ["spoken", "flat"], ["line"]),  # (1, 1, samples)
        helper.make_node("Gather", ["scales", "second"], ["length_scale"], axis=0),
        helper.make_node("Concat", ["ones", "length_scale"], ["factors"], axis=0),
        helper.make_node("Resize", ["line", "", "factors"], ["output"], mode="linear"),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "ids"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
        nodes.insert(0, helper.make_node("Add", ["input", "sid"], ["which"]))
    else:
        nodes.insert(0, helper.make_node("Identity", ["input"], ["which"]))
    constants = {
        "sounds": _sounds(),
        "flat": np.array([1, 1, -1], np.int64),
        "second": np.array([1], np.int64),
        "ones": np.array([1, 1], np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "tones",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "samples"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
