"""RQ-VAE: an autoencoder whose bottleneck is a residual quantizer.

Follows TIGER (arXiv 2305.05065, section 3.1). Departs from it in how codebooks learn: by moving averages of what they
are assigned (as in VQ-VAE-2), with dead codes moved to badly served rows, which keeps the whole codebook in use.

Axis legend: N items, B rows of a batch, D features, E features of the bottleneck, L levels, K codes.
"""

import itertools
import logging
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from genrec.config import TokenizeConfig
from genrec.errors import ConfigError, InputError
from genrec.fitted import Arrays
from genrec.runtime import progress
from genrec.schema import FloatArray
from genrec.semids.quantizers.contract import CodeArray, Graph, Quantizer
from genrec.semids.quantizers.kmeans import assign, canonical_order, farthest_rows, kmeans
from genrec.semids.quantizers.rq_kmeans import encode_residuals, fit_level_size

log = logging.getLogger(__name__)

HIDDEN_SIZES = (256, 128)
BOTTLENECK_SIZE = 32
COMMITMENT = 0.25
DECAY = 0.95  # of the codebooks' moving averages
DEAD_SHARE = 0.05  # a code with less than this share of its fair use is dead
LEARNING_RATE = 1e-3
SINKHORN_ROUNDS = 20
MAX_BATCH, MIN_BATCH, MIN_BATCHES_PER_EPOCH = 1024, 64, 16
MAX_ROWS_FOR_START = 65_536
CHUNK_ROWS = 65_536


class RqVae(Quantizer):
    """An MLP autoencoder with residual codebooks in its bottleneck; `epochs` passes over the vectors."""

    name: ClassVar[str] = "rq-vae"

    def __init__(self, config: TokenizeConfig) -> None:
        super().__init__(config)
        if config.epochs < 1:
            raise ConfigError(f"tokenize.epochs = {config.epochs}; rq-vae needs 1 or more")
        self._network: Autoencoder | None = None
        self._codebooks: list[FloatArray] = []

    def fit(self, vectors_ND: FloatArray, seed: int, graph: Graph | None = None) -> Self:
        vectors = self.check_training_vectors(vectors_ND)
        rng = np.random.default_rng(seed)
        order = canonical_order(vectors)
        ordered = vectors[order]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Autoencoder(ordered.shape[1], mean_D=ordered.mean(axis=0), scale=float(ordered.std()))
        with torch.no_grad():
            start_NE = network.encode(torch.from_numpy(ordered[:MAX_ROWS_FOR_START])).numpy()
        codebooks = Codebooks.start(start_NE, self.config, rng)
        surroundings = self._surroundings(vectors, graph)
        _train(
            network,
            codebooks,
            ordered,
            surroundings_ND=None if surroundings is None else surroundings[order],
            num_epochs=self.config.epochs,
            rng=rng,
        )
        self._network, self._codebooks = network.eval(), codebooks.as_arrays()
        return self

    def _surroundings(self, vectors_ND: FloatArray, graph: Graph | None) -> FloatArray | None:
        """Vectors that an item's codes must predict beside its own, float32 (N, D); None for none."""
        return None

    def encode(self, vectors_ND: FloatArray) -> CodeArray:
        network = self._fitted()
        vectors = self.check_vectors(vectors_ND, network.num_features)
        with torch.inference_mode():
            chunks = [
                encode_residuals(network.encode(torch.from_numpy(vectors[i : i + CHUNK_ROWS])).numpy(), self._codebooks)
                for i in range(0, len(vectors), CHUNK_ROWS)
            ]
        return np.concatenate(chunks) if chunks else np.zeros((0, len(self._codebooks)), dtype=np.int32)

    def decode(self, codes_NL: npt.NDArray[np.integer]) -> FloatArray:
        network, codes = self._fitted(), self.check_codes(codes_NL)
        latent_NE = np.zeros((len(codes), BOTTLENECK_SIZE), dtype=np.float32)
        for level, centroids_KE in enumerate(self._codebooks):
            latent_NE += centroids_KE[codes[:, level]]
        with torch.inference_mode():
            vectors: FloatArray = network.decode(torch.from_numpy(latent_NE)).numpy()
        return vectors

    @property
    def level_sizes(self) -> tuple[int, ...]:
        self._fitted()
        return tuple(len(centroids_KE) for centroids_KE in self._codebooks)

    @property
    def num_features(self) -> int:
        return self._fitted().num_features

    def arrays(self) -> Arrays:
        learned: Arrays = {f"codebook_{level}": c for level, c in enumerate(self._codebooks)}
        return learned | {f"network.{key}": value.numpy() for key, value in self._fitted().state_dict().items()}

    def restore(self, arrays: Arrays) -> None:
        state = {
            key.removeprefix("network."): torch.from_numpy(np.array(array))
            for key, array in arrays.items()
            if key.startswith("network.")
        }
        network = Autoencoder(len(state["mean_D"]), mean_D=state["mean_D"].numpy(), scale=1.0)
        network.load_state_dict(state)
        self._network = network.eval()
        num_levels = sum(key.startswith("codebook_") for key in arrays)
        self._codebooks = [np.array(arrays[f"codebook_{level}"], dtype=np.float32) for level in range(num_levels)]

    def _fitted(self) -> "Autoencoder":
        if self._network is None:
            raise InputError(f"the {self.name} quantizer is not fitted yet; call fit, or load a fitted one")
        return self._network


class GraphRqVae(RqVae):
    """An RQ-VAE whose codes also tell what an item is chosen with, after MMGRec (arXiv 2404.16555).

    Departs from it in how the graph comes in: MMGRec encodes vectors that were passed along the graph, which an item
    without events has not; here each item's codes must predict the mean vector of its neighbors beside its own, so
    encoding needs no graph. Its tie-breaker, by popularity, is `tokenize.tie_order`.
    """

    name: ClassVar[str] = "graph-rq-vae"

    def _surroundings(self, vectors_ND: FloatArray, graph: Graph | None) -> FloatArray | None:
        if graph is None:
            return None
        weight_N = np.asarray(graph.sum(axis=1)).ravel()
        around_ND = (graph @ vectors_ND) / np.maximum(weight_N, 1e-12)[:, None]
        return np.where(weight_N[:, None] > 0, around_ND, vectors_ND).astype(np.float32)


class Autoencoder(nn.Module):
    """Two mirrored MLPs around the bottleneck; inputs are centered and scaled with fixed statistics."""

    mean_D: Tensor
    scale: Tensor

    def __init__(self, num_features: int, *, mean_D: FloatArray, scale: float) -> None:
        super().__init__()
        self.num_features = num_features
        self.register_buffer("mean_D", torch.from_numpy(np.array(mean_D, dtype=np.float32)))
        self.register_buffer("scale", torch.tensor([max(scale, 1e-6)]))
        self.encoder = _mlp((num_features, *HIDDEN_SIZES, BOTTLENECK_SIZE))
        self.decoder = _mlp((BOTTLENECK_SIZE, *reversed(HIDDEN_SIZES), num_features))

    def encode(self, vectors_BD: Tensor) -> Tensor:
        latent_BE: Tensor = self.encoder((vectors_BD - self.mean_D) / self.scale)
        return latent_BE

    def decode(self, latent_BE: Tensor) -> Tensor:
        vectors_BD: Tensor = self.decoder(latent_BE) * self.scale + self.mean_D
        return vectors_BD


def _mlp(sizes: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inner, outer in itertools.pairwise(sizes):
        layers += [nn.Linear(inner, outer), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class Codebooks:
    """Residual codebooks that follow the moving average of the rows they are given."""

    def __init__(self, centroids: list[Tensor], balance: float | None) -> None:
        self.centroids, self.balance = centroids, balance
        self.counts = [torch.ones(len(c)) for c in centroids]
        self.sums = [c.clone() for c in centroids]

    @classmethod
    def start(cls, latent_NE: FloatArray, config: TokenizeConfig, rng: np.random.Generator) -> "Codebooks":
        """Residual k-means on the untrained encoder's outputs, so that every code starts in use."""
        centroids: list[Tensor] = []
        residual_NE = latent_NE
        for level in range(config.num_levels):
            num_codes = fit_level_size(residual_NE, config.num_codes, level)
            centroids_KE = kmeans(residual_NE, num_codes, rng=rng, num_iterations=10)
            residual_NE = residual_NE - centroids_KE[assign(residual_NE, centroids_KE)[0]]
            centroids.append(torch.from_numpy(centroids_KE))
        return cls(centroids, config.balance)

    @torch.no_grad()
    def quantize_and_learn(self, latent_BE: Tensor) -> Tensor:
        """The sum of the chosen codes of every level, (B, E); codebooks move toward this batch."""
        residual_BE = latent_BE.clone()
        quantized_BE = torch.zeros_like(latent_BE)
        for level, centroids_KE in enumerate(self.centroids):
            distances_BK = torch.cdist(residual_BE, centroids_KE)
            codes_B = distances_BK.argmin(dim=1) if self.balance is None else balanced_codes(distances_BK, self.balance)
            chosen_BE = centroids_KE[codes_B]
            self._learn(level, residual_BE, codes_B)
            self._revive(level, residual_BE, distances_BK.amin(dim=1))
            quantized_BE += chosen_BE
            residual_BE = residual_BE - chosen_BE
        return quantized_BE

    def _learn(self, level: int, residual_BE: Tensor, codes_B: Tensor) -> None:
        num_codes = len(self.counts[level])
        sums_KE = torch.zeros_like(self.sums[level]).index_add_(0, codes_B, residual_BE)
        uses_K = torch.bincount(codes_B, minlength=num_codes).float()
        self.counts[level].mul_(DECAY).add_(uses_K, alpha=1 - DECAY)
        self.sums[level].mul_(DECAY).add_(sums_KE, alpha=1 - DECAY)
        self.centroids[level] = self.sums[level] / self.counts[level].clamp(min=1e-6)[:, None]

    def _revive(self, level: int, residual_BE: Tensor, distances_B: Tensor) -> None:
        counts_K = self.counts[level]
        dead = torch.nonzero(counts_K < DEAD_SHARE * counts_K.mean()).flatten()
        rows = torch.from_numpy(farthest_rows(residual_BE.numpy(), distances_B.numpy(), len(dead)))
        dead = dead[: len(rows)]
        self.centroids[level][dead] = residual_BE[rows]
        self.counts[level][dead] = counts_K.mean()
        self.sums[level][dead] = residual_BE[rows] * counts_K.mean()

    def as_arrays(self) -> list[FloatArray]:
        """float32 (K, E) per level."""
        return [np.array(centroids_KE.numpy(), dtype=np.float32) for centroids_KE in self.centroids]


def balanced_codes(distances_BK: Tensor, sharpness: float) -> Tensor:
    """Codes, int64 (B,), that are used about equally often: the optimal transport of Sinkhorn and Knopp between rows
    and codes (as LC-Rec, arXiv 2311.09049, has it). sharpness: larger lets rows insist more on their nearest code."""
    spread = (distances_BK.amax() - distances_BK.amin()).clamp(min=1e-12)
    log_plan_BK = -(distances_BK - distances_BK.amin()) / spread * sharpness
    for _ in range(SINKHORN_ROUNDS):
        log_plan_BK = log_plan_BK.log_softmax(dim=0)  # each code takes the same share of the rows
        log_plan_BK = log_plan_BK.log_softmax(dim=1)  # each row is spread once
    return log_plan_BK.argmax(dim=1)


def _train(
    network: Autoencoder,
    codebooks: Codebooks,
    vectors_ND: FloatArray,
    *,
    surroundings_ND: FloatArray | None,
    num_epochs: int,
    rng: np.random.Generator,
) -> None:
    batch_size = min(MAX_BATCH, max(MIN_BATCH, len(vectors_ND) // MIN_BATCHES_PER_EPOCH))
    rows = torch.from_numpy(vectors_ND)
    around = None if surroundings_ND is None else torch.from_numpy(surroundings_ND)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        to_around = _mlp((BOTTLENECK_SIZE, *reversed(HIDDEN_SIZES), vectors_ND.shape[1]))
    weights = [*network.parameters(), *to_around.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE)
    num_steps = num_epochs * -(-len(rows) // batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=num_steps)
    for _ in progress(range(num_epochs), label="train rq-vae"):
        for batch in torch.from_numpy(rng.permutation(len(rows))).split(batch_size):
            vectors_BD = rows[batch]
            latent_BE = network.encode(vectors_BD)
            quantized_BE = codebooks.quantize_and_learn(latent_BE.detach())
            straight_BE = latent_BE + (quantized_BE - latent_BE).detach()  # gradients pass as if not quantized
            reconstruction = functional.mse_loss(network.decode(straight_BE), vectors_BD) / network.scale.square()
            loss = reconstruction.sum() + COMMITMENT * functional.mse_loss(latent_BE, quantized_BE)
            if around is not None:
                expected_BD = to_around(straight_BE) * network.scale + network.mean_D
                loss = loss + (functional.mse_loss(expected_BD, around[batch]) / network.scale.square()).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
