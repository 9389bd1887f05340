"""`compa export`: writes a trained model as a folder for compa, transformers or ONNX, with a model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compa.utils.arguments import CommandParser, add_out_folder

if TYPE_CHECKING:
    from compa.models.clap import CLAP
    from compa.models.embedder import Embedder
    from compa.models.encoders.audio import Pad

CARD = "README.md"


def main(arguments: Sequence[str]) -> int:
    """Runs `compa export` with the arguments after it."""
    options = _parser().parse_args(arguments)
    export(options.model, options.out, options.format, options.results, options.name, options.pad)
    print(options.out)
    return 0


def export(
    model: str,
    out: Path,
    kind: str = "compa",
    results: Path | None = None,
    name: str | None = None,
    pad: Pad | None = None,
) -> None:
    """Writes a model and its card into a new folder.

    Args:
        model: As for `compa.load`.
        out: The folder.
        kind: `compa`, `transformers` or `onnx`.
        results: Folder of results of `compa bench run`, for the card.
        name: The model's name in the card; None is that of its folder.
        pad: As for `compa.load`.

    Raises:
        ValueError: If there is no such model, the format cannot represent it, or the folder is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists already: choose another --out")
    measured = read_results(results) if results else []
    from compa.models.pretrained import load

    embedder = load(model, device="cpu", pad=pad)
    out.mkdir(parents=True, exist_ok=True)
    try:
        _writer(kind)(embedder.clap, out)
    except ValueError:
        if not any(out.iterdir()):
            out.rmdir()
        raise
    name = name or Path(model.removeprefix("hf:")).name
    (out / CARD).write_text(card(name, embedder, kind, measured), encoding="utf-8")


def _writer(kind: str) -> Callable[[CLAP, Path], None]:
    if kind == "transformers":
        from compa.models.checkpoints.transformers_clap import write_clap

        return write_clap
    if kind == "onnx":
        from compa.models.checkpoints.onnx import write_onnx

        return write_onnx
    from compa.models.pretrained import save

    return save


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Reads the results that `compa bench run` wrote for one model.

    Raises:
        ValueError: If there are none, a file is not a result, or they are of several models.
    """
    results = []
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            results.append({key: result[key] for key in ("model", "task", "task_version", "metrics")})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a result of compa bench ({error!r})") from None
    models = sorted({str(result["model"]) for result in results if not str(result["model"]).startswith("control:")})
    if len(models) != 1:
        raise ValueError(f"{folder} must hold results of one model; found {', '.join(models) or 'none'}")
    return [result for result in results if result["model"] == models[0]]


def card(name: str, model: Embedder, kind: str, results: Sequence[dict[str, Any]]) -> str:
    """Writes a model card: architecture, usage, and scores if there are any."""
    clap, used = model.clap, model.preprocessing
    millions = sum(weight.numel() for weight in clap.parameters()) / 1e6
    lines = [
        "---",
        "library_name: compa" if kind != "transformers" else "library_name: transformers",
        "tags: [audio, clap, audio-text-retrieval]",
        "---",
        "",
        f"# {name}",
        "",
        "Embeds audio and texts in one space; the inner product measures how well they match.",
        "",
        f"- Audio: {type(clap.audio_encoder).__name__} on log-mel features at {used['sample_rate']} Hz, windows of "
        f"{used['window_seconds']:g} s, short clips: {used['pad']}",
        f"- Text: {type(clap.text_encoder).__name__}",
        f"- {clap.embedding_size} dimensions, {millions:.2f} million weights",
        "",
        *_USAGE[kind],
    ]
    if results:
        lines += [
            "",
            "## Measured",
            "",
            "| task | metric | value | 95 % interval | chance |",
            "| --- | --- | ---: | --- | ---: |",
        ]
        for result in results:
            task = f"{result['task']} (version {result['task_version']})"
            lines += [f"| {task} | {metric} | {_cells(values)} |" for metric, values in result["metrics"].items()]
    return "\n".join(lines) + "\n"


def _cells(values: dict[str, Any]) -> str:
    value, low, high, chance = (values.get(key) for key in ("value", "low", "high", "chance"))
    interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    return f"{'' if value is None else f'{value:.3f}'} | {interval} | {'' if chance is None else f'{chance:.4f}'}"


_PYTHON = ["```python", "import compa", "", 'model = compa.load("THIS_FOLDER")']
_USAGE = {
    "compa": [*_PYTHON, 'model.similarity(["clip.wav"], ["a dog barks, then rain falls"])', "```"],
    "transformers": [
        "```python",
        "from transformers import ClapModel, ClapProcessor",
        "",
        'model, processor = ClapModel.from_pretrained("THIS_FOLDER"), ClapProcessor.from_pretrained("THIS_FOLDER")',
        "```",
        "",
        'or `compa.load("hf:THIS_FOLDER")`.',
    ],
    "onnx": [
        "`audio.onnx` reads `features` (clips, frames, mels) and `mask` (clips, frames), described in `features.json`;",
        "`text.onnx` reads `tokens` and `mask` (texts, length) of `tokenizer.json`. Both return unit vectors.",
    ],
}


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa export",
        "Writes a trained model as a folder of its own, with a model card.",
        "compa export --model runs/3_modular --out my-clap --results results/",
    )
    parser.add_argument(
        "--model", required=True, help="run folder, checkpoint, LAION-CLAP's .pt, or hf:FOLDER_OR_HUB_ID"
    )
    add_out_folder(parser, "a new folder")
    parser.add_argument(
        "--format",
        choices=("compa", "transformers", "onnx"),
        default="compa",
        help="the library that reads it; transformers only has models of HTSAT with CLAP's text tower",
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="results of `compa bench run`, for the model card")
    parser.add_argument("--name", help="the model's name in the card (default: the folder's name)")
    parser.add_argument(
        "--pad", choices=("repeatpad", "repeat", "zeros"), help="another way to fill up short clips of CLAP checkpoints"
    )
    return parser
