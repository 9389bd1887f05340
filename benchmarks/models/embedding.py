"""Scores by embeddings: every different audio and text goes through the model once, whatever asks for it how often."""

from __future__ import annotations

import queue
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from benchmarks.items import Audio, Group, Name, Scores, same
from benchmarks.models.audio_inputs import decoded, digest, map_ahead, num_processors, seconds
from benchmarks.models.embedding_cache import EmbeddingCache, key_of

LARGE = 4096
"""Groups of more pairs than this are scored by one matrix product each, smaller ones all together."""
_CHUNK_VALUES = 2**24

Thing = TypeVar("Thing")
Rows = NDArray[np.float32]


class Embeds(Protocol):
    """A model with one embedding space for both, as `compa.load` gives it.

    Where it has a `fingerprint` (text, another one wherever the same audio or text would be embedded otherwise), its
    embeddings can be kept on the disk; where it has a `sample_rate` (Hz), files come decoded at that rate; where it has
    `preprocessing` (JSON values: what happens to audio before it is embedded), results tell it.
    """

    def embed_audio(self, audio: Sequence[Audio], /) -> ArrayLike:
        """Embeds audios as the rows of an array (audios, dimensions)."""
        ...

    def embed_text(self, texts: Sequence[str], /) -> ArrayLike:
        """Embeds texts as the rows of an array (texts, dimensions)."""
        ...


class EmbeddingScorer:
    """Scores by the inner product of embeddings; embeds every different audio and text once.

    Args:
        model: What embeds; unit rows make the scores cosines. Several copies, on several devices, share the batches.
        batch_size: How many audios or texts a model gets at a time, of like length.
        cache: Where embeddings are kept, if the model has a fingerprint; by default in memory.
    """

    def __init__(
        self, model: Embeds | Sequence[Embeds], batch_size: int = 32, cache: EmbeddingCache | None = None
    ) -> None:
        models = [*model] if isinstance(model, Sequence) else [model]
        self.models = models
        self.batch_size = batch_size
        self.fingerprint: str | None = getattr(models[0], "fingerprint", None)
        self.preprocessing: Mapping[str, Any] | None = getattr(models[0], "preprocessing", None)
        self._cache = cache if cache and self.fingerprint else EmbeddingCache()

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Scores every audio with every text of its group; see `Scorer`."""
        audios = {same(audio): audio for audios, _ in groups for audio in audios}
        texts = dict.fromkeys(text for _, texts in groups for text in texts)
        audio_places, audio_rows = self._embed_audios(audios)
        text_places, text_rows = self._embed_texts(list(texts))
        if audio_rows.shape[1] != text_rows.shape[1]:
            sizes = f"audio in {audio_rows.shape[1]} dimensions and text in {text_rows.shape[1]}"
            raise ValueError(f"the model embedded {sizes}: both must be of one size")
        places = [
            (
                np.array([audio_places[same(audio)] for audio in group_audios], dtype=np.intp),
                np.array([text_places[text] for text in group_texts], dtype=np.intp),
            )
            for group_audios, group_texts in groups
        ]
        return inner_products(audio_rows, text_rows, places)

    def _embed_audios(self, audios: Mapping[Name, Audio]) -> tuple[dict[Name, int], Rows]:
        """The row of each audio by what `same` calls it, and the rows (different audios, dimensions)."""
        files = {audio: name for name, audio in audios.items() if not isinstance(audio, tuple)}
        known = self._cache.known_files(list(files))
        unread = {name: audio for name, audio in audios.items() if isinstance(audio, tuple) or audio not in known}
        digests = dict(zip(unread, map_ahead(digest, unread.values(), 4 * num_processors()), strict=True))
        self._cache.keep_files({audio: digests[name] for audio, name in files.items() if name in digests})
        digests |= {files[audio]: content for audio, content in known.items()}
        by_content = {digests[name]: audio for name, audio in audios.items()}
        places, rows = self._embed("audio", by_content, _seconds, self._decoded)
        return {name: places[digests[name]] for name in audios}, rows

    def _embed_texts(self, texts: Sequence[str]) -> tuple[dict[str, int], Rows]:
        by_content = {text.encode(errors="surrogatepass"): text for text in texts}
        places, rows = self._embed("text", by_content, _lengths, iter)
        return {text: places[content] for content, text in by_content.items()}, rows

    def _decoded(self, audios: Iterable[Audio]) -> Iterator[Audio]:
        """The audios as the model gets them: files decoded while it works on those before."""
        sample_rate = getattr(self.models[0], "sample_rate", None)
        if sample_rate is None:
            return iter(audios)
        depth = max(self.batch_size * len(self.models), 4 * num_processors())
        return map_ahead(lambda audio: decoded(audio, sample_rate), audios, depth)

    def _embed(
        self,
        kind: str,
        things: Mapping[bytes, Thing],
        measured: Callable[[Iterable[Thing]], Iterable[float]],
        ready: Callable[[Iterable[Thing]], Iterator[Thing]],
    ) -> tuple[dict[bytes, int], Rows]:
        """The row of each thing by its content, and the rows, from the cache or the model."""
        keys = {content: key_of(self.fingerprint or "", kind, content) for content in things}
        rows = self._cache.find(list(keys.values()))
        missing = [content for content, key in keys.items() if key not in rows]
        lengths = dict(zip(missing, measured(things[content] for content in missing), strict=True))
        missing.sort(key=lambda content: (-lengths[content], content))  # the longest batch first: it fits, or fails now
        for contents, embedded in self._in_batches(kind, missing, ready(things[content] for content in missing)):
            new = {keys[content]: row for content, row in zip(contents, embedded, strict=True)}
            rows |= new
            self._cache.keep({key: row for key, row in new.items() if np.isfinite(row).all()})
        sizes = {len(row) for row in rows.values()}
        if len(sizes) > 1:
            found = " and ".join(map(str, sorted(sizes)))
            raise ValueError(f"the model embedded {kind} in {found} dimensions: all rows must have one size")
        places = {content: place for place, content in enumerate(keys)}
        return places, np.stack([rows[key] for key in keys.values()]) if keys else np.empty((0, 0), np.float32)

    def _in_batches(
        self, kind: str, contents: Sequence[bytes], things: Iterator[Any]
    ) -> Iterator[tuple[Sequence[bytes], Rows]]:
        """Puts batches to the models, each to one that is free, and yields them in order as they are done."""
        free: queue.SimpleQueue[Embeds] = queue.SimpleQueue()
        for model in self.models:
            free.put(model)

        def embed(batch: Sequence[Any]) -> Rows:
            model = free.get()
            try:
                return _rows(kind, batch, model.embed_audio(batch) if kind == "audio" else model.embed_text(batch))
            finally:
                free.put(model)

        waiting: deque[tuple[Sequence[bytes], Future[Rows]]] = deque()
        pool = ThreadPoolExecutor(len(self.models), "embed")
        bar = tqdm(total=len(contents), desc=f"Embedding {kind}", unit=kind, leave=False, disable=None)
        try:
            for batch in _slices(contents, self.batch_size):
                waiting.append((batch, pool.submit(embed, [next(things) for _ in batch])))
                while len(waiting) > len(self.models):
                    done, future = waiting.popleft()
                    yield done, future.result()
                    bar.update(len(done))
            for done, future in waiting:
                yield done, future.result()
                bar.update(len(done))
        finally:
            pool.shutdown(cancel_futures=True)
            bar.close()


def _seconds(audios: Iterable[Audio]) -> Iterable[float]:
    return map_ahead(seconds, audios, 4 * num_processors())


def _lengths(texts: Iterable[str]) -> Iterable[float]:
    return map(len, texts)


def inner_products(
    audio_rows: Rows, text_rows: Rows, places: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
) -> list[Scores]:
    """Scores of groups by the places of their audios and texts; equal rows get equal scores, to the last bit.

    Args:
        audio_rows: (audios, D).
        text_rows: (texts, D).
        places: For each group those of its audios and those of its texts.

    Returns:
        (audios, texts) a group, in float64.
    """
    scores: dict[int, Scores] = {}
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for group, (audios, texts) in enumerate(places):
        if len(audios) * len(texts) > LARGE:
            scores[group] = _one_product(audio_rows[audios], text_rows[texts])
        else:
            alike[len(audios), len(texts)].append(group)
    for (num_audios, num_texts), groups in alike.items():
        at_once = max(_CHUNK_VALUES // max((num_audios + num_texts) * audio_rows.shape[1], 1), 1)
        for some in _slices(groups, at_once):
            audios = audio_rows[np.stack([places[group][0] for group in some])].astype(np.float64)
            texts = text_rows[np.stack([places[group][1] for group in some])].astype(np.float64)
            # No matrix product: BLAS may round equal inner products differently by their place, which hides ties.
            scores |= zip(some, np.einsum("gad,gtd->gat", audios, texts), strict=True)
    return [scores[group] for group in range(len(places))]


def _one_product(audios: Rows, texts: Rows) -> Scores:
    """All with all by one matrix product of the different rows, so that equal ones tie all the same."""
    different_audios, audio_places = np.unique(audios, axis=0, return_inverse=True)
    different_texts, text_places = np.unique(texts, axis=0, return_inverse=True)
    products = different_audios.astype(np.float64) @ different_texts.astype(np.float64).T
    return np.asarray(products[np.ix_(audio_places.ravel(), text_places.ravel())])


def _rows(kind: str, batch: Sequence[Any], embedded: ArrayLike) -> Rows:
    try:
        rows = np.asarray(embedded, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the model embedded {len(batch)} x {kind} as what is no array of numbers: {error}") from None
    if rows.ndim != 2 or len(rows) != len(batch):
        raise ValueError(f"the model embedded {len(batch)} x {kind} in the shape {rows.shape}: one row each")
    return rows


def _slices(things: Sequence[Thing], size: int) -> Iterator[Sequence[Thing]]:
    return (things[start : start + size] for start in range(0, len(things), size))
