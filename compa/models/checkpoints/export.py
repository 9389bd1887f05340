"""`compa export`: a trained model as a folder of its own, for compa, transformers or ONNX, with a model card."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compa.models.clap import CLAP
    from compa.models.embedder import Embedder

CARD = "README.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa export` and returns the exit code.

    Raises:
        ValueError: If there is no such model, it cannot have the format, or the folder is not empty.
        OSError: If a file cannot be written.
    """
    options = _parser().parse_args(arguments)
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise ValueError(f"{options.out} is there already: choose another --out")
    results = read_results(options.results) if options.results else []
    from compa.models.pretrained import load

    model = load(options.model, device="cpu", pad=options.pad)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        _writer(options.format)(model.clap, options.out)
    except ValueError:
        if not any(options.out.iterdir()):
            options.out.rmdir()
        raise
    name = options.name or Path(options.model.removeprefix("hf:")).name
    (options.out / CARD).write_text(card(name, model, options.format, results), encoding="utf-8")
    print(options.out)
    return 0


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
    """Reads what `compa bench run` wrote of one model.

    Raises:
        ValueError: If there are none, a file is no result, or they are of several models.
    """
    results = []
    for path in sorted(folder.glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            results.append({key: result[key] for key in ("model", "task", "task_version", "metrics")})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no result of compa bench ({error!r})") from None
    models = sorted({str(result["model"]) for result in results if not str(result["model"]).startswith("control:")})
    if len(models) != 1:
        raise ValueError(f"{folder} must hold results of one model, and holds those of {', '.join(models) or 'none'}")
    return [result for result in results if result["model"] == models[0]]


def card(name: str, model: Embedder, kind: str, results: Sequence[dict[str, Any]]) -> str:
    """Writes a model card: what the model is made of, how it is used, and what it scored where that was measured."""
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
        "Embeds audio and texts in one space, so that the inner product says how well they match.",
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
        "`audio.onnx` takes `features` (clips, frames, mels) and `mask` (clips, frames), as `features.json` describes",
        "them; `text.onnx` takes `tokens` and `mask` (texts, length), by `tokenizer.json`. Both give unit vectors.",
    ],
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compa export", description="Writes a trained model as a folder of its own.")
    parser.add_argument(
        "--model", required=True, help="run folder, checkpoint, LAION-CLAP's .pt, or hf:FOLDER_OR_HUB_ID"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument(
        "--format",
        choices=("compa", "transformers", "onnx"),
        default="compa",
        help="what reads it (default: compa); transformers' ClapModel can be HTSAT with CLAP's text tower only",
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="results of `compa bench run`, for the model card")
    parser.add_argument("--name", help="what the card calls the model (default: the folder's name)")
    parser.add_argument("--pad", choices=("repeatpad", "repeat", "zeros"), help="another way to fill up short clips")
    return parser
