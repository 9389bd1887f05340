"""Checks that a tokenizer belongs to a text encoder and reads English: otherwise all texts get like embeddings."""

from __future__ import annotations

import json
from typing import Any

from tokenizers import Encoding, Tokenizer

SENTENCES = ("a dog barks", "rain falls on a roof", "two people speak")
"""Plain English that the tokenizer of any text encoder for captions knows; the first words differ."""
MIN_READ = 0.5
"""The least fraction of their letters that must be in known tokens. Tokenizers of tiny test models know few words."""
MAX_UNUSED = 1024
"""So many rows of an embedding table, or a tenth of them, may be unused: tables are padded to round sizes."""
_MARKED = ("bert", "clap_text_model", "electra", "longformer", "mpnet", "t5")
"""Parts of the names of model types whose texts have special tokens at their ends; those of causal models need not."""


def check_tokenizer(tokenizer: Tokenizer, num_rows: int, reads_first: bool = False) -> None:
    """Checks a tokenizer without padding and truncation against a text encoder.

    Args:
        tokenizer: Which is checked.
        num_rows: Rows of the encoder's embedding table.
        reads_first: Whether the encoder embeds texts by their first token, which must then be a special token.

    Raises:
        ValueError: If it has more tokens than the table has rows, does not know most letters of plain English, gives
            different sentences the same tokens, or adds no special token at the start where it is needed.
    """
    encodings = [tokenizer.encode(sentence) for sentence in SENTENCES]
    ids = [encoding.ids for encoding in encodings]
    own = tokenizer.get_vocab(with_added_tokens=False).values()
    largest = max([*own, *(number for row in ids for number in row)], default=-1)
    if largest >= num_rows:
        raise ValueError(f"the tokenizer has {largest + 1} tokens, and the model {num_rows}: it is of another model")
    example = f"{' '.join(encodings[0].tokens)!r} for {SENTENCES[0]!r}"
    unknown = _unknown_token(tokenizer)
    num_read = sum(_num_read(*pair, unknown) for pair in zip(SENTENCES, encodings, strict=True))
    read = num_read / sum(map(_num_letters, SENTENCES))
    if read < MIN_READ:
        raise ValueError(
            f"the tokenizer reads {read:.0%} of plain English, with {example}: its files are missing, damaged or of "
            "another model"
        )
    if len(set(map(tuple, ids))) < len(ids):
        raise ValueError(f"the tokenizer gives different sentences the same tokens, such as {example}: it is damaged")
    if reads_first and len({row[0] for row in ids}) > 1:
        raise ValueError(
            "the tokenizer adds no special token at the start of a text, which the model embeds texts by, but gives "
            f"{example}: it is incomplete or of another model"
        )


def check_special_tokens(tokenizer: Any, config: Any) -> None:
    """Checks the special tokens of a checkpoint's tokenizer against the checkpoint's configuration.

    A tokenizer of another model may well have no more tokens than the model, but its special tokens have other ids.

    Args:
        tokenizer: A fast tokenizer of transformers.
        config: The configuration of the text encoder.

    Raises:
        ValueError: If the tokenizer does not add the special tokens that the model needs at the ends of texts, the
            model's padding token is not a special token, or all special tokens have ids other than the configuration's.
    """
    backend: Tokenizer = tokenizer.backend_tokenizer
    num_rows = config.vocab_size
    own = {
        "pad": tokenizer.pad_token_id,
        "bos": _first(tokenizer, "bos", "cls"),
        "eos": _first(tokenizer, "eos", "sep"),
    }
    expected = {role: getattr(config, f"{role}_token_id", None) for role in own}
    known = [role for role in own if own[role] is not None and expected[role] in range(num_rows)]
    differing = [role for role in known if own[role] != expected[role]]
    special = {number for number, token in backend.get_added_tokens_decoder().items() if token.special}
    padding = expected["pad"]
    if (
        isinstance(padding, int)
        and padding in range(num_rows)
        and padding not in special
        and set(known) - {"pad"} <= set(differing)
    ):
        raise ValueError(
            f"token {padding}, which the model pads with, is {backend.id_to_token(padding)!r} in the tokenizer, not a "
            "special token: the tokenizer lacks its special tokens or is of another model"
        )
    is_small = num_rows - len(tokenizer) > max(MAX_UNUSED, num_rows // 10)
    is_other = "pad" in known and len(known) > 1 and differing == known
    if is_other or (is_small and differing):
        raise ValueError(
            f"the tokenizer has {len(tokenizer)} tokens, and the model {num_rows}; "
            f"its {differing[0]} token is {own[differing[0]]}, and the model's is {expected[differing[0]]}: "
            "it is of another model"
        )
    needed = {tokenizer.cls_token_id} - {None}
    if not needed and any(part in config.model_type for part in _MARKED):
        needed = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.sep_token_id} - {None}
    if needed and needed.isdisjoint(backend.encode(SENTENCES[0]).ids):
        names = " or ".join(tokenizer.convert_ids_to_tokens(sorted(needed)))
        raise ValueError(f"the tokenizer adds no special tokens to texts, such as {names}: it is incomplete")


def _first(tokenizer: Any, *roles: str) -> int | None:
    """The id of the first of these special tokens that the tokenizer has."""
    found = (getattr(tokenizer, f"{role}_token_id", None) for role in roles)
    return next((number for number in found if number is not None), None)


def _unknown_token(tokenizer: Tokenizer) -> int | None:
    model = json.loads(tokenizer.to_str())["model"]
    token = model.get("unk_token")
    number: int | None = model.get("unk_id") if token is None else tokenizer.token_to_id(token)
    return number


def _num_letters(sentence: str) -> int:
    return sum(not letter.isspace() for letter in sentence)


def _num_read(sentence: str, encoding: Encoding, unknown: int | None) -> int:
    """Letters of a sentence that are covered by known tokens."""
    tokens = zip(encoding.ids, encoding.offsets, encoding.special_tokens_mask, strict=True)
    known = [place for number, place, is_special in tokens if number != unknown and not is_special]
    covered = {place for start, end in known for place in range(start, end)}
    return sum(not sentence[place].isspace() for place in covered)
