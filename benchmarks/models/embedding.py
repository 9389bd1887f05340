"""Scores by embeddings: every different audio and text of a task is embedded once, however often it occurs."""

from __future__ import annotations

import queue
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from benchmarks.checks.degenerate import embedded_alike
from benchmarks.items import Audio, AudioKey, Group, Scores, audio_key
from benchmarks.models.audio_inputs import decoded, digest, seconds
from benchmarks.models.embedding_cache import EmbeddingCache, key_of
from compa.utils.parallel import map_threads, num_processors

LARGE = 4096
"""Groups of more pairs than this are scored by one matrix product each, smaller ones all together."""
_CHUNK_VALUES = 2**24

Thing = TypeVar("Thing")
Rows = NDArray[np.float32]


class Embeds(Protocol):
    """A model with one embedding space for audio and text, as `compa.load` returns it.

    Three attributes are optional. `fingerprint`: a string that changes whenever the same audio or text would be
    embedded differently; with it, embeddings are cached on disk. `sample_rate`: in Hz; with it, files arrive decoded at
    that rate. `preprocessing`: JSON values that describe what happens to audio before it is embedded; results show it.
    """

    def embed_audio(self, audio: Sequence[Audio], /) -> ArrayLike:
        """Embeds audios as the rows of an array (audios, dimensions)."""
        ...

    def embed_text(self, texts: Sequence[str], /) -> ArrayLike:
        """Embeds texts as the rows of an array (texts, dimensions)."""
        ...


class EmbeddingScorer:
    """Scores by the inner product of embeddings.

    Args:
        model: Unit rows make the scores cosines. Several copies, on several devices, divide the batches among them.
        batch_size: How many audios or texts of similar length are embedded at a time.
        cache: Where embeddings are stored if the model has a fingerprint; by default in memory.

    Attributes:
        findings: What the last call of `score` revealed about the model: sentences about inputs it cannot tell apart.
    """

    def __init__(
        self, model: Embeds | Sequence[Embeds], batch_size: int = 32, cache: EmbeddingCache | None = None
    ) -> None:
        self.models = [*model] if isinstance(model, Sequence) else [model]
        self.batch_size = batch_size
        self.fingerprint: str | None = getattr(self.models[0], "fingerprint", None)
        self.preprocessing: Mapping[str, Any] | None = getattr(self.models[0], "preprocessing", None)
        self.findings: list[str] = []
        self._cache = cache if cache and self.fingerprint else EmbeddingCache()

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Scores every audio with every text of its group; see `Scorer`."""
        audios = {audio_key(audio): audio for audios, _ in groups for audio in audios}
        texts = dict.fromkeys(text for _, texts in groups for text in texts)
        audio_places, audio_rows = self._embed_audios(audios)
        text_places, text_rows = self._embed_texts(list(texts))
        if audio_rows.shape[1] != text_rows.shape[1]:
            raise ValueError(
                "a model must embed audio and text in the same number of dimensions; "
                f"got {audio_rows.shape[1]} for audio and {text_rows.shape[1]} for text"
            )
        self.findings = embedded_alike(audio_rows, text_rows)
        places = [
            (
                np.array([audio_places[audio_key(audio)] for audio in group_audios], dtype=np.intp),
                np.array([text_places[text] for text in group_texts], dtype=np.intp),
            )
            for group_audios, group_texts in groups
        ]
        return inner_products(audio_rows, text_rows, places)

    def _embed_audios(self, audios: Mapping[AudioKey, Audio]) -> tuple[dict[AudioKey, int], Rows]:
        """The row number of each audio by its key, and the rows (different audios, dimensions)."""
        files = {audio: key for key, audio in audios.items() if not isinstance(audio, tuple)}
        known = self._cache.known_files(list(files))
        unread = {key: audio for key, audio in audios.items() if isinstance(audio, tuple) or audio not in known}
        digests = dict(zip(unread, map_threads(digest, unread.values()), strict=True))
        self._cache.keep_files({audio: digests[key] for audio, key in files.items() if key in digests})
        digests |= {files[audio]: content for audio, content in known.items()}
        by_content = {digests[key]: audio for key, audio in audios.items()}
        places, rows = self._embed("audio", by_content, _seconds, self._decoded)
        return {key: places[digests[key]] for key in audios}, rows

    def _embed_texts(self, texts: Sequence[str]) -> tuple[dict[str, int], Rows]:
        by_content = {text.encode(errors="surrogatepass"): text for text in texts}
        places, rows = self._embed("text", by_content, _lengths, iter)
        return {text: places[content] for content, text in by_content.items()}, rows

    def _decoded(self, audios: Iterable[Audio]) -> Iterator[Audio]:
        """The audios as the model gets them; files are decoded while it embeds earlier ones."""
        sample_rate = getattr(self.models[0], "sample_rate", None)
        if sample_rate is None:
            return iter(audios)
        ahead = max(self.batch_size * len(self.models), 4 * num_processors())
        return map_threads(lambda audio: decoded(audio, sample_rate), audios, ahead=ahead)

    def _embed(
        self,
        kind: str,
        things: Mapping[bytes, Thing],
        measure: Callable[[Iterable[Thing]], Iterable[float]],
        ready: Callable[[Iterable[Thing]], Iterator[Thing]],
    ) -> tuple[dict[bytes, int], Rows]:
        """The row number of each thing by its content, and the rows, from the cache or the model.

        Args:
            kind: `audio` or `text`.
            things: What to embed, by content.
            measure: Gives their lengths, so that a batch holds things of similar length.
            ready: Turns them into what the model gets.
        """
        keys = {content: key_of(self.fingerprint or "", kind, content) for content in things}
        rows = self._cache.find(list(keys.values()))
        missing = [content for content, key in keys.items() if key not in rows]
        lengths = dict(zip(missing, measure(things[content] for content in missing), strict=True))
        missing.sort(key=lambda content: (-lengths[content], content))  # the longest first: too little memory shows now
        for contents, embedded in self._in_batches(kind, missing, ready(things[content] for content in missing)):
            new = {keys[content]: row for content, row in zip(contents, embedded, strict=True)}
            rows |= new
            self._cache.keep({key: row for key, row in new.items() if np.isfinite(row).all()})
        sizes = {len(row) for row in rows.values()}
        if len(sizes) > 1:
            found = " and ".join(map(str, sorted(sizes)))
            raise ValueError(f"a model must embed all {kind} in the same number of dimensions; got {found}")
        places = {content: place for place, content in enumerate(keys)}
        return places, np.stack([rows[key] for key in keys.values()]) if keys else np.empty((0, 0), np.float32)

    def _in_batches(
        self, kind: str, contents: Sequence[bytes], things: Iterator[Any]
    ) -> Iterator[tuple[Sequence[bytes], Rows]]:
        """Embeds batches, each by whichever copy of the model is free, and yields them in order."""
        free: queue.SimpleQueue[Embeds] = queue.SimpleQueue()
        for model in self.models:
            free.put(model)

        def embed(batch: tuple[Sequence[bytes], Sequence[Any]]) -> tuple[Sequence[bytes], Rows]:
            names, inputs = batch
            model = free.get()
            try:
                embedded = model.embed_audio(inputs) if kind == "audio" else model.embed_text(inputs)
                return names, _rows(kind, inputs, embedded)
            finally:
                free.put(model)

        batches = ((names, [next(things) for _ in names]) for names in _slices(contents, self.batch_size))
        num_models = len(self.models)
        with tqdm(total=len(contents), desc=f"Embedding {kind}", unit=kind, leave=False, disable=None) as bar:
            for names, rows in map_threads(embed, batches, num_models, ahead=num_models + 1):
                yield names, rows
                bar.update(len(names))


def _seconds(audios: Iterable[Audio]) -> Iterable[float]:
    return map_threads(seconds, audios)


def _lengths(texts: Iterable[str]) -> Iterable[float]:
    return map(len, texts)


def inner_products(
    audio_rows: Rows, text_rows: Rows, places: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
) -> list[Scores]:
    """Scores groups; equal rows get equal scores, to the last bit.

    Args:
        audio_rows: (audios, D).
        text_rows: (texts, D).
        places: For each group the row numbers of its audios and of its texts.

    Returns:
        (audios, texts) per group, in float64.
    """
    scores: dict[int, Scores] = {}
    by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
    for group, (audios, texts) in enumerate(places):
        if len(audios) * len(texts) > LARGE:
            scores[group] = _one_product(audio_rows[audios], text_rows[texts])
        else:
            by_shape[len(audios), len(texts)].append(group)
    for (num_audios, num_texts), groups in by_shape.items():
        at_once = max(_CHUNK_VALUES // max((num_audios + num_texts) * audio_rows.shape[1], 1), 1)
        for some in _slices(groups, at_once):
            audios = audio_rows[np.stack([places[group][0] for group in some])].astype(np.float64)
            texts = text_rows[np.stack([places[group][1] for group in some])].astype(np.float64)
            # Not a matrix product: BLAS may round equal inner products differently by position, which hides ties.
            scores |= zip(some, np.einsum("gad,gtd->gat", audios, texts), strict=True)
    return [scores[group] for group in range(len(places))]


def _one_product(audios: Rows, texts: Rows) -> Scores:
    """All pairs by one matrix product of the different rows, so that equal rows still tie."""
    different_audios, audio_places = np.unique(audios, axis=0, return_inverse=True)
    different_texts, text_places = np.unique(texts, axis=0, return_inverse=True)
    products = different_audios.astype(np.float64) @ different_texts.astype(np.float64).T
    return np.asarray(products[np.ix_(audio_places.ravel(), text_places.ravel())])


def _rows(kind: str, batch: Sequence[Any], embedded: ArrayLike) -> Rows:
    try:
        rows = np.asarray(embedded, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"a model must embed {len(batch)} x {kind} as an array of numbers ({error})") from None
    if rows.ndim != 2 or len(rows) != len(batch):
        raise ValueError(f"a model must embed {len(batch)} x {kind} as one row each; got the shape {rows.shape}")
    return rows


def _slices(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    return (things[start : start + size] for start in range(0, len(things), size))
