"""A CLIP model of a few thousand random weights, written to disk in the form of the published ones."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

SIDE, SIZE = 32, 8  # of its images, in pixels; numbers of its vectors


def write_clip(folder: Path, classes: Sequence[str]) -> str:
    """Write model, tokenizer and image processor; the tokenizer has the words of "a photo of a CLASS."."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    words = {w: i for i, w in enumerate(("<pad>", "<end>", "<unknown>", "a", "photo", "of", ".", *classes))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unknown>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", 1)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", unk_token="<unknown>", model_max_length=16
    ).save_pretrained(folder)
    transformers.CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, image_mean=[0.5, 0.4, 0.3]
    ).save_pretrained(folder)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**small, "vocab_size": len(words), "max_position_embeddings": 16, "eos_token_id": 1, "bos_token_id": 0}
    vision = {**small, "image_size": SIDE, "patch_size": 16}
    torch.manual_seed(0)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=SIZE)
    transformers.CLIPModel(config).save_pretrained(folder)
    return str(folder)
