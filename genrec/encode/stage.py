"""The stage `embeddings`: from a catalog to one block of vectors per modality.

Knows which part of an item each encoder reads, and what need not be computed again; knows nothing of architectures.

Axis legend: N items, D features.
"""

import json
import logging
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from genrec.artifacts import fingerprint, write_file, write_text
from genrec.config import EncodeConfig
from genrec.data.ingest import CACHE
from genrec.data.videos import can_decode_videos
from genrec.encode.attributes import encode_attributes
from genrec.encode.audio import ClapEncoder
from genrec.encode.clip import NUM_FRAMES, ClipEncoder
from genrec.encode.text import SentenceEncoder
from genrec.encode.vector_cache import VectorCache, encode_through, file_keys, text_keys
from genrec.errors import ArtifactError, InputError, ShapeError
from genrec.runtime import pick_device
from genrec.schema import BoolArray, Catalog, Embeddings, FloatArray, IntArray, Item
from genrec.settings import stored
from genrec.stages import BuildContext, Stage, foundation_fingerprint

log = logging.getLogger(__name__)
Content = TypeVar("Content", Path, str)
ENCODED = ("image", "text", "sentence", "attributes", "audio", "video")
_FIRST_ENCODED = ENCODED[:4]  # what fingerprints cover, so that what was built before there were others stays fresh
_MAX_PICTURES = 8  # of an item, whose mean vector stands for it


def encode_catalog(
    catalog: Catalog,
    given: Mapping[str, Embeddings],
    config: EncodeConfig,
    device: torch.device | str,
    cache: Path,
    *,
    clip: ClipEncoder | None = None,
) -> dict[str, Embeddings]:
    """The modalities of a catalog by name, each aligned to it: those of ENCODED, and the given ones.

    given: modalities that came with the data; one named as an encoded one takes its place. A modality that no item has
    is left out; items without it have a zero row. cache: the folder of vectors computed before.
    With `config.shuffle` every item gets the vectors of another one, the same for all modalities. Where no item has
    anything to encode, none is found. Raises InputError for sounds that nothing hears, SourceError for a broken image,
    ShapeError for given vectors of another number of rows.
    """
    found = encode_items(catalog.items, given, config, device, cache, clip=clip)
    if not config.shuffle:
        return found
    order = np.random.default_rng(0).permutation(len(catalog))
    return {
        name: Embeddings(name=name, vectors=e.vectors[order], present=e.present[order]) for name, e in found.items()
    }


def encode_items(
    items: Sequence[Item],
    given: Mapping[str, Embeddings],
    config: EncodeConfig,
    device: torch.device | str,
    cache: Path,
    *,
    clip: ClipEncoder | None = None,
) -> dict[str, Embeddings]:
    """The modalities of any items, such as new ones, as in encode_catalog; clip: an encoder, None for a new one."""
    _check_given(given, len(items))
    clip = clip or ClipEncoder(config.clip, device, batch_size=config.batch_size, dtype=getattr(torch, config.dtype))
    found: dict[str, Embeddings | None] = {}
    wanted = [name for name in ENCODED if name not in config.skip and name not in given]
    words = [item.words or None for item in items]
    _check_sounds(items, given, config)
    sees_videos = "video" in wanted and _sees_videos(items, given, config)
    if "image" in wanted:
        found["image"] = _encode(
            [_pictures(item) for item in items],
            name="image",
            keys_of=file_keys,
            encode=clip.encode_images,
            folder=cache / f"image-{clip.fingerprint}",
            batch_size=config.batch_size,
        )
    if "text" in wanted:
        found["text"] = _encode_words(words, name="text", encoder=clip, cache=cache, batch_size=config.batch_size)
    if "sentence" in wanted and config.text_encoder is not None:
        encoder = SentenceEncoder(config.text_encoder, device, batch_size=config.batch_size)
        found["sentence"] = _encode_words(
            words, name="sentence", encoder=encoder, cache=cache, batch_size=config.batch_size
        )
    if "attributes" in wanted:
        found["attributes"] = encode_attributes(items)
    if "audio" in wanted and config.audio is not None:
        clap = ClapEncoder(config.audio, device, dtype=getattr(torch, config.dtype))
        found["audio"] = _encode(
            [() if item.audio is None else (item.audio,) for item in items],
            name="audio",
            keys_of=file_keys,
            encode=clap.encode_sounds,
            folder=cache / f"audio-{clap.fingerprint}",
            batch_size=config.batch_size,
        )
    if sees_videos:
        found["video"] = _encode(
            [(item.video,) if isinstance(item.video, Path) else () for item in items],
            name="video",
            keys_of=file_keys,
            encode=clip.encode_videos,
            folder=cache / f"video-{clip.fingerprint}-{NUM_FRAMES}",
            batch_size=config.batch_size,
        )
    embeddings = {name: e for name, e in found.items() if e is not None}
    embeddings |= {name: e for name, e in given.items() if name not in config.skip}
    _check_skip(config.skip, given)
    if not any(e.present.any() for e in embeddings.values()):
        skipped = f" (skipped: {', '.join(config.skip)})" if config.skip else ""
        log.warning("none of %d items has anything to encode%s: events alone tell of them", len(items), skipped)
    return embeddings


def _encode_words(
    words: Sequence[str | None], *, name: str, encoder: ClipEncoder | SentenceEncoder, cache: Path, batch_size: int
) -> Embeddings | None:
    return _encode(
        [() if text is None else (text,) for text in words],
        name=name,
        keys_of=text_keys,
        encode=encoder.encode_texts,
        folder=cache / f"{name}-{encoder.fingerprint}",
        batch_size=batch_size,
        longest_first=isinstance(encoder, SentenceEncoder),  # whose batches are padded to their longest
    )


def _encode(
    contents: Sequence[Sequence[Content]],
    *,
    name: str,
    keys_of: Callable[[Sequence[Content]], list[str]],
    encode: Callable[[Sequence[Content]], FloatArray],
    folder: Path,
    batch_size: int,
    longest_first: bool = False,
) -> Embeddings | None:
    """One modality: what the cache lacks is encoded, each content once. None when no item has the modality.

    contents: those of each item, whose mean stands for it; none where it has none. longest_first: texts of like length
    share a batch.
    """
    counts = np.array([len(several) for several in contents], dtype=np.int64)
    present = counts > 0
    having = [content for several in contents for content in several]
    if not having:
        return None
    rows = encode_through(
        VectorCache(folder),
        keys_of(having),
        having,
        encode,
        batch_size=batch_size,
        label=f"{name}s",
        longest_first=longest_first,
    )
    vectors = np.zeros((len(contents), rows.shape[1]), dtype=np.float32)
    vectors[present] = _means(rows, counts[present])
    return Embeddings(name=name, vectors=vectors, present=present)


def _means(rows: FloatArray, counts: IntArray) -> FloatArray:
    """The unit mean of so many unit rows after so many others; of one row, the row itself."""
    if len(rows) == len(counts):
        return rows
    means = np.add.reduceat(rows, np.cumsum(counts) - counts, axis=0)
    several = counts > 1
    norms = np.linalg.norm(means[several], axis=1, keepdims=True)
    means[several] /= np.where(norms > 0, norms, 1)
    return means


def _pictures(item: Item) -> tuple[Path, ...]:
    """The pictures of an item, the main one first."""
    more = item.more_images
    return () if item.image is None else (item.image, *more)[:_MAX_PICTURES]


def _check_sounds(items: Sequence[Item], given: Mapping[str, Embeddings], config: EncodeConfig) -> None:
    """Raises InputError where items have nothing but a sound, and nothing hears it; warns where they have more."""
    with_sound = [row for row, item in enumerate(items) if item.audio is not None]
    if config.audio is not None or not with_sound or "audio" in given:
        return
    seen = _seen_by_given(given, config, len(items))
    alone = [row for row in with_sound if not (_has_more(items[row]) or seen[row] or _is_watched(items[row]))]
    advice = "set encode.audio to a CLAP model, or give vectors with --features audio=FILE"
    if alone:
        raise InputError(
            f"{len(alone):,} of {len(items):,} items have nothing but a sound ({items[alone[0]].item_id!r} first), and "
            f"no model hears it; {advice}"
        )
    if "audio" not in config.skip:
        log.warning("%d items have a sound, which no model hears; %s", len(with_sound), advice)


def _sees_videos(items: Sequence[Item], given: Mapping[str, Embeddings], config: EncodeConfig) -> bool:
    """Whether videos are encoded; raises or warns where items have some and nothing decodes them, as for sounds."""
    with_video = [row for row, item in enumerate(items) if isinstance(item.video, Path)]
    if can_decode_videos() or not with_video:
        return True
    seen = _seen_by_given(given, config, len(items))
    alone = [row for row in with_video if not (_has_more(items[row]) or seen[row])]
    advice = "pip install genrec[video], or give vectors with --features video=FILE"
    if alone:
        raise InputError(
            f"{len(alone):,} of {len(items):,} items have nothing but a video ({items[alone[0]].item_id!r} first), "
            f"and PyAV, which decodes it, is not installed; {advice}"
        )
    log.warning("%d items have a video, and PyAV, which decodes it, is not installed; %s", len(with_video), advice)
    return False


def _has_more(item: Item) -> bool:
    """Whether an item has a picture or words."""
    return bool(item.image or item.words)


def _is_watched(item: Item) -> bool:
    return isinstance(item.video, Path) and can_decode_videos()


def _seen_by_given(given: Mapping[str, Embeddings], config: EncodeConfig, num_items: int) -> BoolArray:
    """The items that a given modality tells of, bool (N,)."""
    seen = np.zeros(num_items, dtype=np.bool_)
    for name, e in given.items():
        if name not in config.skip:
            seen |= e.present
    return seen


def _check_given(given: Mapping[str, Embeddings], num_items: int) -> None:
    for name, e in given.items():
        if len(e.vectors) != num_items:
            raise ShapeError(
                f"given modality {name!r} has {len(e.vectors)} rows, the catalog has {num_items} items; ingest again"
            )


def _check_skip(skip: Sequence[str], given: Mapping[str, Embeddings]) -> None:
    for name in skip:
        if name not in ENCODED and name not in given:
            known = ", ".join(dict.fromkeys((*ENCODED, *given)))
            log.warning("encode.skip names %r, which does not exist; there are %s", name, known)


def save_embeddings(directory: Path, embeddings: Mapping[str, Embeddings]) -> None:
    """Write embeddings.json, and NAME.vectors.npy and NAME.present.npy per modality."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {name: f"modality-{number}" for number, name in enumerate(embeddings)}
    for name, e in embeddings.items():
        for part, array in (("vectors", e.vectors.astype(np.float32)), ("present", e.present)):
            with write_file(directory / f"{files[name]}-{part}.npy") as partial:
                np.save(partial, array, allow_pickle=False)
    write_text(directory / "embeddings.json", json.dumps(files, indent=1))


def load_embeddings(directory: Path) -> dict[str, Embeddings]:
    """Read what save_embeddings wrote, in the same order. Raises ArtifactError."""
    try:
        files = json.loads((directory / "embeddings.json").read_text(encoding="utf-8"))
        return {
            name: Embeddings(
                name=name,
                vectors=np.load(directory / f"{stem}-vectors.npy", allow_pickle=False),
                present=np.load(directory / f"{stem}-present.npy", allow_pickle=False),
            )
            for name, stem in files.items()
        }
    except (OSError, ValueError, AttributeError, EOFError, MemoryError, RecursionError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{directory} holds no whole embeddings ({error}); run genrec build again") from error


def encoded_details(embeddings: Mapping[str, Embeddings], origin: str) -> dict[str, object]:
    """What the stage says of itself. origin: stands for what a build encoded, whatever items were added since."""
    counts = {
        name: {"items": int(e.present.sum()), "features": int(e.vectors.shape[1])} for name, e in embeddings.items()
    }
    return {**counts, "origin": origin}


def encoded_origin(build: BuildContext) -> str:
    """An input of what learns from the embeddings once: added items leave what was learned as it is."""
    return str(build.manifest("embeddings").details["origin"])


def cache_folder(root: Path) -> Path:
    """Where a workspace keeps the vectors of all content that it has encoded."""
    return root / CACHE


def _inputs(build: BuildContext) -> dict[str, str]:
    config = build.config.encode
    audio = {} if config.audio is None else {"audio": foundation_fingerprint(config.audio)}
    has_video = any(isinstance(item.video, Path) for item in build.catalog)
    video = {"video": str(NUM_FRAMES)} if has_video and can_decode_videos() else {}
    return {
        "catalog": build.manifest("catalog").fingerprint,
        "clip": foundation_fingerprint(config.clip),
        "encode": fingerprint(stored(config), _FIRST_ENCODED),
        **audio,
        **video,
    }


def _make(build: BuildContext, directory: Path, key: str) -> dict[str, object]:
    embeddings = encode_catalog(
        build.catalog, build.features, build.config.encode, pick_device(build.config.device), cache_folder(build.root)
    )
    save_embeddings(directory, embeddings)
    return encoded_details(embeddings, origin=key)


EMBEDDINGS = Stage(name="embeddings", inputs=_inputs, make=_make)
