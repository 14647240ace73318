"""Writes a llama of two layers with random weights: real enough for llama.cpp, made in 0.3 s.

Runs in the environment of llama.cpp (install.py).
"""

from pathlib import Path
from typing import Any

import gguf  # type: ignore[import-not-found]
import numpy as np  # type: ignore[import-not-found]

WIDTH, FEED_FORWARD, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 128, 2, 4, 2, 4096
KV_WIDTH = WIDTH // HEADS * KV_HEADS
LETTERS = "\u2581abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?'\"()-"
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}<assistant>"
# gguf.TokenType
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def write_tiny_model(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer)
    vocabulary = _add_vocabulary(writer)
    _add_weights(writer, vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any) -> None:
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _add_vocabulary(writer: Any) -> int:
    """All bytes and some letters, so that any prompt has tokens."""
    tokens = [("<unk>", UNKNOWN, 0.0), ("<s>", CONTROL, 0.0), ("</s>", CONTROL, 0.0)]
    tokens += [(f"<0x{byte:02X}>", BYTE, 0.0) for byte in range(256)]
    tokens += [(letter, NORMAL, -1.0 - rank) for rank, letter in enumerate(LETTERS)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token for token, _, _ in tokens])
    writer.add_token_types([kind for _, kind, _ in tokens])
    writer.add_token_scores([score for _, _, score in tokens])
    writer.add_vocab_size(len(tokens))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


def _add_weights(writer: Any, vocabulary: int) -> None:
    random = np.random.default_rng(0)
    shapes = {"token_embd": (vocabulary, WIDTH), "output": (vocabulary, WIDTH)}
    norms = ["output_norm"]
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        norms += [f"{block}.attn_norm", f"{block}.ffn_norm"]
        shapes |= {
            f"{block}.attn_q": (WIDTH, WIDTH),
            f"{block}.attn_k": (KV_WIDTH, WIDTH),
            f"{block}.attn_v": (KV_WIDTH, WIDTH),
            f"{block}.attn_output": (WIDTH, WIDTH),
            f"{block}.ffn_gate": (FEED_FORWARD, WIDTH),
            f"{block}.ffn_up": (FEED_FORWARD, WIDTH),
            f"{block}.ffn_down": (WIDTH, FEED_FORWARD),
        }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.08, shape).astype(np.float32))
    for name in norms:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
