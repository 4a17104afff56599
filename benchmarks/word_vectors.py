"""What kinds of text and picture vectors are worth: the same fuser over each, on the same split.

    python benchmarks/word_vectors.py WORKSPACE DATA [--fusers whitened-concat,vbpr] [--epochs 12] [--max-cases 2000]

WORKSPACE is encoded by a CLIP model (`genrec build` has been so far); DATA is the folder that its data came from, with
`minilm.npz` and `effnet.npz`. Rows: word vectors that gensim trains on the catalog's own texts (`pip install
genrec[bench]`; an item is the mean of its words', common words counting less), MiniLM, CLIP's text; CLIP's pictures,
EfficientNet's; and each text beside each picture. Test cases are asked once, histories masked.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from genrec.config import CONFIG_FILE, Config, FuseConfig
from genrec.data.arrays import unit_rows
from genrec.data.given import align_given, load_given
from genrec.data.ingest import load_data
from genrec.data.splits import split_interactions
from genrec.encode.stage import load_embeddings
from genrec.fusion import Events, Fuser, make_fuser
from genrec.generations import Generation
from genrec.schema import Catalog, Embeddings
from genrec.search.words import terms_of

WIDTH, WINDOW, EPOCHS = 100, 8, 10
_RARE = 1e-3  # the frequency of a word from which on it counts less: smooth inverse frequency (Arora et al. 2017)


def word_vectors(catalog: Catalog, seed: int) -> Embeddings:
    """Mean word2vec vectors (skip-gram, Mikolov et al. 2013) of each item's words, trained on these alone."""
    from gensim.models import Word2Vec

    texts = [terms_of(item.words) for item in catalog]
    model = Word2Vec(texts, vector_size=WIDTH, window=WINDOW, min_count=2, sg=1, epochs=EPOCHS, seed=seed, workers=1)
    counts = {word: model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key}
    total = sum(counts.values())
    vectors = np.zeros((len(catalog), WIDTH), np.float32)
    for row, words in enumerate(texts):
        known = [word for word in words if word in counts]
        if known:
            weights = np.array([_RARE / (_RARE + counts[word] / total) for word in known], np.float32)
            vectors[row] = weights @ model.wv[known]
    return Embeddings(name="text", vectors=unit_rows(vectors), present=vectors.any(axis=1))


def given(path: Path, name: str, catalog: Catalog) -> Embeddings:
    return align_given(load_given(name, path), catalog).embeddings


def recall(fuser: Fuser, cases: list[tuple[np.ndarray, int]], k: int = 10) -> float:
    """The share of cases whose target is among the k best, history masked."""
    hits = 0
    for start in range(0, len(cases), 256):
        some = cases[start : start + 256]
        for scores_N, (history, target) in zip(fuser.scores([history for history, _ in some]), some, strict=True):
            masked_N = scores_N.copy()
            masked_N[history] = -np.inf
            hits += int((masked_N > scores_N[target]).sum() < k and target not in history)
    return hits / len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fusers", default="whitened-concat,vbpr")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--max-cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    folder = Generation.open_newest(asked.workspace).folder
    catalog, interactions, _ = load_data(folder, content_alone=True)
    split = split_interactions(interactions, Config.load(folder / CONFIG_FILE).split)
    events = Events.of(catalog, split)
    some = np.random.default_rng(asked.seed).permutation(len(split.test))[: asked.max_cases].tolist()
    cases = [(catalog.rows(split.test[n].history), catalog.row(split.test[n].target)) for n in some]
    encoded = load_embeddings(folder / "embeddings")
    texts = {
        "word2vec": word_vectors(catalog, asked.seed),
        "MiniLM": given(asked.data / "minilm.npz", "text", catalog),
        "CLIP text": encoded["text"],
    }
    pictures = {"CLIP image": encoded["image"], "EfficientNet": given(asked.data / "effnet.npz", "image", catalog)}
    rows: dict[str, Mapping[str, Embeddings]] = {name: {"text": e} for name, e in texts.items()}
    rows |= {name: {"image": e} for name, e in pictures.items()}
    rows |= {f"{t} + {p}": {"text": texts[t], "image": pictures[p]} for t in texts for p in pictures}
    fusers = asked.fusers.split(",")
    print(f"| vectors | {' | '.join(fusers)} |\n|---|{'---|' * len(fusers)}")
    for name, modalities in rows.items():
        cells = []
        for fuser in fusers:
            config = replace(FuseConfig(fuser=fuser), epochs=asked.epochs)
            fitted = make_fuser(config).fit(modalities, events, seed=asked.seed)
            cells.append(f"{recall(fitted, cases):.4f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
