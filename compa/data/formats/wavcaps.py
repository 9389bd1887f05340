"""WavCaps: JSON files `{"data": [{"id", "caption", ...}]}`, one a source, and a folder of `<id>.flac`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from compa.data.audio_folder import AudioFolder, add_audio_option, freesound_url, youtube_url
from compa.data.captions import given_captions
from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import RowError, parse_json

ABOUT = "a JSON of WavCaps (AudioSet_SL, BBC, FreeSound or SoundBible); --audio DIR has the clips"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio`."""
    add_audio_option(parser, "none, captions only")


def read(source: str, audio: Path | None = None) -> Items:
    """Yields a clip an entry.

    Raises:
        ValueError: If the file is not JSON of this form.
    """
    path = Path(source)
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    entries = content.get("data") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{path} has no list 'data': give a JSON of WavCaps")
    folder = AudioFolder(audio)
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, entry {number}"
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("id", "caption")):
            yield RowError(where, "it needs the texts 'id' and 'caption'")
            continue
        try:
            yield _clip(entry, folder)
        except ValueError as error:
            yield RowError(where, str(error))


def _clip(entry: dict[str, Any], folder: AudioFolder) -> Clip:
    name = re.sub(r"\.(wav|flac)$", "", entry["id"])
    if not name:
        raise ValueError("its id is empty")
    author = entry.get("author")
    return Clip(
        escape_id(name),
        folder.find(name),
        given_captions([entry["caption"]]),
        source=_source(entry, name),
        author=author if isinstance(author, str) and author else None,
    )


def _source(entry: dict[str, Any], name: str) -> str | None:
    """Where a clip comes from; videos and freesound recordings are called as other formats call them."""
    if re.fullmatch(r"Y[\w-]{11}", name):
        return youtube_url(name[1:])
    link = entry.get("download_link") or entry.get("href")
    if not isinstance(link, str):
        return None
    return freesound_url(name) if "freesound" in link and name.isdecimal() else link
