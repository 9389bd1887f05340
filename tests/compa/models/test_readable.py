"""A text encoder whose tokenizer is missing, damaged or another model's is refused on loading; others never are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import compa
from compa.models import pretrained, tiny_clap
from compa.models.checkpoints.hub import transformers
from compa.models.clap import CLAP
from compa.models.encoders.htsat import HTSAT
from compa.models.encoders.text import CaptionTransformer
from compa.models.encoders.tokenizer_check import SENTENCES, check_tokenizer
from compa.models.encoders.transformers_audio import AST, TransformersAudio, WhisperEncoder
from compa.models.encoders.transformers_text import Pooling, TransformersText
from tests.compa.models.test_encoders import AST_TINY, WAV2VEC, WHISPER
from tests.compa.models.test_transformers_clap import laion_weights

TEXTS = [*tiny_clap.TEXTS, *SENTENCES]
CHINESE = ["一只狗在叫", "雨落在屋顶上", "两个人说话"]
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "clap"
    tiny_clap.make(path)
    return path


def with_tokenizer(folder: Path, copy: Path, change: Change | None = None, tokenizer: Tokenizer | None = None) -> Path:
    """A copy of a checkpoint with a changed `tokenizer.json`, or another one, or none."""
    shutil.copytree(folder, copy)
    path = copy / "tokenizer.json"
    if change is not None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
    elif tokenizer is not None:
        tokenizer.save(str(path))
    else:
        for file in copy.glob("tokenizer*.json"):
            file.unlink()
    return copy


def word_pieces(texts: Iterable[str] = TEXTS, size: int = 400) -> Tokenizer:
    """As BERT's: padding is token 0, the first token of a text is [CLS]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def unigrams(size: int = 100) -> Tokenizer:
    """As T5's: padding is token 0, a text ends with token 1."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>")
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def words(vocabulary: Iterable[str]) -> Tokenizer:
    """Whole words, as small tests have them, with RoBERTa's special tokens."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    numbers = {word: number for number, word in enumerate([*special, *vocabulary])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def without_special_tokens(content: dict[str, Any]) -> None:
    content["added_tokens"], content["post_processor"] = [], None


def without_ends(content: dict[str, Any]) -> None:
    content["post_processor"] = None


def strips_everything(content: dict[str, Any]) -> None:
    content["normalizer"] = {"type": "Replace", "pattern": {"Regex": "[a-z]"}, "content": ""}


DEFECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "missing": ("0% of plain English", {}),
    "without special tokens": ("special tokens", {"change": without_special_tokens}),
    "without tokens at the ends": ("special tokens", {"change": without_ends}),
    "strips everything": ("0% of plain English", {"change": strips_everything}),
    "of another model with more tokens": (
        "900 tokens, and the model 400",
        {"tokenizer": word_pieces([f"w{n} x{n}" for n in range(999)], 900)},
    ),
    "of another model with fewer tokens": ("its pad token is", {"tokenizer": word_pieces()}),
    "of another language": ("0% of plain English", {"tokenizer": words(CHINESE)}),
}


@pytest.fixture(params=DEFECTS)
def defect(request: pytest.FixtureRequest, tiny: Path, tmp_path: Path) -> tuple[Path, str]:
    words, changes = DEFECTS[request.param]
    return with_tokenizer(tiny, tmp_path / "defect", **changes), words


def test_a_clap_that_cannot_read_is_refused(defect: tuple[Path, str]) -> None:
    folder, words = defect
    for name in (str(folder), f"hf:{folder}"):
        with pytest.raises(ValueError, match=words) as error:
            compa.load(name)
        assert str(folder) in str(error.value)
        assert len(str(error.value)) < 400
        assert "\n" not in str(error.value)


def test_a_text_encoder_in_a_recipe_is_refused(defect: tuple[Path, str]) -> None:
    folder, words = defect
    for pooling in get_args(Pooling):
        with pytest.raises(ValueError, match=words) as error:
            TransformersText(str(folder), pooling=pooling)
        assert str(folder) in str(error.value)


def test_a_laion_file_that_cannot_read_is_refused(defect: tuple[Path, str], tiny: Path) -> None:
    folder, words = defect
    torch.save(laion_weights(tiny), folder / "best.pt")
    if not (folder / "tokenizer.json").exists():
        words = "put tokenizer.json of roberta-base beside it"
    with pytest.raises(ValueError, match=words) as error:
        compa.load(str(folder / "best.pt"))
    assert str(folder) in str(error.value)


@pytest.mark.parametrize("change", [without_ends, strips_everything, lambda content: content.update(model={})])
def test_a_run_folder_that_cannot_read_is_refused(change: Change, tiny: Path, tmp_path: Path) -> None:
    pretrained.save(compa.load(str(tiny)).clap, tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    arguments = description["text_encoder"]["init_args"]
    content = json.loads(arguments["tokenizer"])
    change(content)
    for tokenizer, words in ((json.dumps(content), "tokenizer"), (None, "no tokenizer")):
        arguments["tokenizer"] = tokenizer
        (tmp_path / "model.json").write_text(json.dumps(description))
        with pytest.raises(ValueError, match=words) as error:
            compa.load(str(tmp_path))
        assert str(tmp_path) in str(error.value)


def test_the_small_encoder_is_checked_too(tmp_path: Path) -> None:
    clap = CLAP(text_encoder=CaptionTransformer(512, width=16), embedding_size=16)
    clap.text_encoder.fit_tokenizer(TEXTS)
    pretrained.save(clap, tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    description["text_encoder"]["init_args"]["tokenizer"] = words(CHINESE).to_str()
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match="0% of plain English"):
        compa.load(str(tmp_path))
    with pytest.raises(ValueError, match="257 tokens, and the model 64"):
        CaptionTransformer(64, width=16).fit_tokenizer(["a"])


def test_a_model_without_a_pad_token_or_with_a_padded_table_is_none_of_these(tmp_path: Path) -> None:
    """A causal model with byte-level tokens and no special ones; T5's unigrams; BERT's word pieces; words of a test."""
    settings = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    byte_level = Tokenizer(models.BPE())
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    byte_level.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    known = {word for text in TEXTS for word in text.replace(",", "").split()}
    cases: dict[str, tuple[str, dict[str, Any], Tokenizer, dict[str, str]]] = {
        "llama": ("LlamaModel", settings | {"num_key_value_heads": 2}, byte_level, {}),
        "bert": ("BertModel", settings, word_pieces(), {"pad_token": "[PAD]", "unk_token": "[UNK]",
                                                        "cls_token": "[CLS]", "sep_token": "[SEP]"}),
        "t5": ("T5EncoderModel", {"d_model": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1, "d_ff": 16}, unigrams(),
               {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}),
        "roberta": ("RobertaModel", settings, words(sorted(known)), {"pad_token": "<pad>", "bos_token": "<s>",
                                                                    "eos_token": "</s>", "unk_token": "<unk>"}),
    }  # fmt: skip
    package = transformers()
    for kind, (name, values, tokenizer, special) in cases.items():
        for num_rows in (tokenizer.get_vocab_size(), -(-tokenizer.get_vocab_size() // 64) * 64, 1000):
            folder = tmp_path / f"{kind}-{num_rows}"
            config = package.CONFIG_MAPPING[kind](**values, vocab_size=num_rows)
            getattr(package, name)(config).save_pretrained(folder)
            package.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
            encoder = TransformersText(str(folder)).eval()
            one, other = encoder.embed(list(SENTENCES[:2]), torch.device("cpu"))
            assert (one - other).abs().max() > 1e-4


def test_a_padding_token_that_is_a_word_is_allowed_where_other_special_tokens_agree(tmp_path: Path) -> None:
    """As in CLIP's text towers: their configurations pad with token 1, a word, and their tokenizers with the end."""
    package = transformers()
    tokenizer = words([])
    tokenizer.add_tokens(sorted({word for text in SENTENCES for word in text.split()}))
    size = tokenizer.get_vocab_size()
    tokenizer.add_special_tokens(["<start>", "<end>"])
    settings = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    for ends, is_refused in (((size, size + 1), False), ((2, 3), True)):
        ids = {"pad_token_id": 6, "bos_token_id": ends[0], "eos_token_id": ends[1]}
        folder = tmp_path / str(ends[0])
        package.LlamaModel(package.LlamaConfig(vocab_size=64, **settings, **ids)).save_pretrained(folder)
        package.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<start>", eos_token="<end>", pad_token="<end>"
        ).save_pretrained(folder)
        if is_refused:
            with pytest.raises(ValueError, match="token 6, which the model pads with"):
                TransformersText(str(folder))
        else:
            TransformersText(str(folder))


def test_a_tokenizer_of_few_captions_in_a_large_table_is_read_again(tmp_path: Path) -> None:
    """Trained from scratch by compa, exported for transformers, and loaded: no other model's tokenizer."""
    tiny_clap.make(tmp_path / "tiny")
    clap = compa.load(str(tmp_path / "tiny")).clap
    assert isinstance(clap.text_encoder, TransformersText)
    settings = clap.text_encoder.init_args["model"] | {"vocab_size": 50265}
    clap.text_encoder = TransformersText(settings, pooling="pooler")
    clap.text_encoder.fit_tokenizer(TEXTS)
    pretrained.save(clap, tmp_path)
    compa.load(str(tmp_path))
    from compa.models.checkpoints.transformers_clap import write_clap

    write_clap(clap, tmp_path / "out")
    assert compa.load(f"hf:{tmp_path / 'out'}").embed_text(["rain"]).shape == (1, 24)


def real(name: str) -> Path:
    folder = Path(os.environ.get("COMPA_TEST_MODELS", "")) / name
    if not (folder / "config.json").is_file():
        pytest.skip(f"COMPA_TEST_MODELS names no folder with {name}")
    return folder


@pytest.mark.parametrize("name", ["minilm-l6-v2", "smollm2-135m-instruct"])
def test_real_models_are_read_and_refused_with_each_others_tokenizers(name: str, tmp_path: Path) -> None:
    folder = real(name)
    TransformersText(str(folder))
    for other in ("minilm-l6-v2", "smollm2-135m-instruct", "whisper-tiny-en"):
        if other == name:
            continue
        copy = tmp_path / other
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("token*", "vocab*", "special*", "*.jinja"))
        for file in real(other).glob("*token*"):
            shutil.copy(file, copy)
        with pytest.raises(ValueError, match="token") as error:
            TransformersText(str(copy))
        assert str(copy) in str(error.value)
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare, ignore=shutil.ignore_patterns("token*", "vocab*", "special*", "*.jinja"))
    with pytest.raises(ValueError, match=re_escaped(bare)):
        TransformersText(str(bare))


def re_escaped(path: Path) -> str:
    return str(path).replace(".", r"\.")


def test_a_model_of_sounds_is_no_text_encoder() -> None:
    with pytest.raises(ValueError, match="whisper does not read texts"):
        TransformersText(str(real("whisper-tiny-en")))


def test_a_feature_extractor_of_another_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {
        "mel bands": {"feature_size": 64},
        "frequency_max": {"sampling_rate": 15000},
        "windows of 401 frames": {"hop_length": 80},
        "windows of 501 frames": {"max_length_s": 5},
    }
    for number, (words_, values) in enumerate(changes.items()):
        copy = tmp_path / str(number)
        shutil.copytree(tiny, copy)
        path = copy / "preprocessor_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))
        for load in (compa.load, lambda name: HTSAT(model=name)):
            with pytest.raises(ValueError, match=words_) as error:
                load(str(copy))
            assert str(copy) in str(error.value)


def save(folder: Path, model: Any, extractor: Any) -> str:
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return str(folder)


def test_extractors_of_other_encoders_are_compared_and_heeded(tmp_path: Path) -> None:
    package = transformers()
    whisper = package.WhisperModel(package.WhisperConfig(**WHISPER))
    fits = save(tmp_path / "w0", whisper, package.WhisperFeatureExtractor(feature_size=20, chunk_length=1))
    assert WhisperEncoder(model=fits).frame_seconds == 0.02
    for key, values in (("feature_size", {"feature_size": 80}), ("nb_max_frames", {"feature_size": 20}),
                        ("sampling_rate", {"feature_size": 20, "sampling_rate": 32000})):  # fmt: skip
        folder = save(tmp_path / key, whisper, package.WhisperFeatureExtractor(**values))
        with pytest.raises(ValueError, match=f"the {key} of the feature extractor is"):
            WhisperEncoder(model=folder)
    ast = package.ASTModel(package.ASTConfig(**AST_TINY))
    extractor = package.ASTFeatureExtractor(num_mel_bins=32, max_length=100, mean=-6.8, std=5.5)
    encoder = AST(model=save(tmp_path / "a0", ast, extractor))
    assert (encoder.mean, encoder.std) == (-6.8, 5.5)
    assert (AST(**encoder.init_args).mean, AST(model=AST_TINY).std) == (-6.8, 4.5689974)
    with pytest.raises(ValueError, match="num_mel_bins of the feature extractor is 128, and the model needs 32"):
        AST(model=save(tmp_path / "a1", ast, package.ASTFeatureExtractor(max_length=100)))
    wav = package.Wav2Vec2Model(package.Wav2Vec2Config(**{key: WAV2VEC[key] for key in WAV2VEC if key != "model_type"}))
    folder = save(tmp_path / "v0", wav, package.Wav2Vec2FeatureExtractor(sampling_rate=24000, do_normalize=False))
    found = TransformersAudio(model=folder)
    assert (found.config.sample_rate, found.normalize, found.frame_seconds) == (24000, False, 64 / 24000)
    again = TransformersAudio(found.config, **found.init_args)
    assert (again.config, again.normalize) == (found.config, False)


def test_the_check_itself_takes_what_is_read_and_refuses_what_is_not() -> None:
    check_tokenizer(words(["dog", "barks", "rain", "roof", "people"]), 400)  # half of it is enough for a test's model
    with pytest.raises(ValueError, match=r"\d+% of plain English"):
        check_tokenizer(words(["a", "dog"]), 400)
    with pytest.raises(ValueError, match="no special token at the start"):
        check_tokenizer(unigrams(), 400, reads_first=True)
    all_alike = Tokenizer(models.WordLevel({word: 0 for text in SENTENCES for word in text.split()}, unk_token="?"))
    all_alike.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(ValueError, match="same tokens"):
        check_tokenizer(all_alike, 400)
