"""Every dial on one page.

Knows the settings, their defaults and presets; deliberately knows nothing of what they do, nor of how they are read,
which is `settings.py`'s. What is off, or left to others, is None: "none" in TOML and after `--set`.
"""

import logging
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w

from genrec.errors import ConfigError
from genrec.settings import ADDED, Amount, Count, Number, Share, assignment, merge, shown_value, spelled

log = logging.getLogger(__name__)

# Settings of an earlier genrec that no code reads any more, at the values that it wrote into every genrec.toml.
REMOVED: Mapping[tuple[str, str], object] = {("chat", "max_new_tokens"): 320}

CONFIG_FILE = "genrec.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """protocol: leave-one-out (last event tests, the one before validates), global-time, given (as the source has it),
    or none (train on all).
    """

    protocol: Literal["leave-one-out", "global-time", "given", "none"] = "leave-one-out"
    test_share: Share = 0.1  # global-time only: the newest share of events
    cold_share: Share = 0.0  # of the items, held out of training to see how cold items fare


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeConfig:
    """clip, text_encoder, audio: a hub name or a folder.

    Without a text_encoder, CLIP's own text tower stands alone. audio: a CLAP model, which hears items' sounds.
    """

    clip: str = "genrec-tiny-clip"
    text_encoder: str | None = field(default=None, metadata={"former": ""})
    dtype: Literal["float32", "float64"] = "float32"  # float64: semantic IDs do not depend on the processor
    batch_size: Count = 64
    skip: tuple[str, ...] = ()  # modalities to leave out, such as image
    audio: str | None = field(default=None, metadata=ADDED)
    shuffle: bool = False  # give every item another's vectors, to see what content is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignConfig:
    """How `genrec align` tunes the model of encode.clip. rank: of the LoRA on both towers; none: projections alone."""

    rank: Count | None = 16
    epochs: Count = 5
    batch_size: Count = 128  # pairs, each of which is told from all others of its batch
    learning_rate: Amount = 3e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseConfig:
    """Weights of the modalities in the fused vector; given modalities share given_weight.

    collaborative: what says that items are chosen together: counts of events, or the sequence model's item vectors.
    without: parts of the fuser to leave out, by the names that it gives them, to see what each is worth. What follows
    it is of fusers that learn from events. bridges: graphs that a graph fuser spreads vectors over instead of its own:
    user-item, co-choice, likeness, knowledge.
    """

    fuser: str = "whitened-concat"
    image_weight: Amount = 1.0
    text_weight: Amount = 1.0
    audio_weight: Amount = 1.0
    attributes_weight: Amount = 1.0
    given_weight: Amount = 1.0
    collaborative_weight: Amount = 1.0
    num_features: Count = 64  # principal axes kept of each modality
    collaborative: Literal["events", "sequence"] = "events"
    collaborative_window: Count = 3  # co-consumption counts pairs at most so many events apart
    # Of each principal axis' variance toward the mean variance, before whitening: weak axes are mostly noise.
    shrinkage: Share = field(default=0.8, metadata=ADDED)
    without: tuple[str, ...] = field(default=(), metadata=ADDED)
    bridges: tuple[str, ...] = field(default=(), metadata=ADDED)  # none: those of the fuser's paper
    width: Count = field(default=64, metadata=ADDED)  # features of an item
    epochs: Count = field(default=60, metadata=ADDED)
    patience: Count = field(default=6, metadata=ADDED)  # epochs without a better validation, after which it stops
    pretraining_epochs: Count = field(default=15, metadata=ADDED)  # before, of the fusers that are pretrained
    max_samples: Count = field(default=60_000, metadata=ADDED)  # graded events of an epoch
    batch_size: Count = field(default=512, metadata=ADDED)  # graded events
    max_history: Count = field(default=100, metadata=ADDED)
    learning_rate: Amount = field(default=0.003, metadata=ADDED)
    dropout: Share = field(default=0.2, metadata=ADDED)
    content_alone_share: Share = field(default=0.2, metadata=ADDED)  # of items in a step, shown by their content alone
    tower: str = field(default="genrec-tiny-clip", metadata=ADDED)  # CLIP model of fusers that look at pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeConfig:
    """quantizer: rq-kmeans, rq-vae, graph-rq-vae or pq-kmeans."""

    quantizer: str = "rq-kmeans"
    num_levels: Count = 3
    num_codes: Count = 64
    num_tie_codes: Count = 64  # items that may share one code path; more where more do
    epochs: Count = 60  # rq-vae and graph-rq-vae
    # Likewise: sharpness of Sinkhorn's balance in training, such as 50; none: each row takes its nearest code.
    balance: Amount | None = field(default=None, metadata={"former": 0.0})
    tie_order: Literal["hash", "popularity"] = "hash"  # who comes first among items that share a code path


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneConfig:
    """method: lora, qlora (4-bit base) or full (all weights).

    autocast: compute in bfloat16 where the processor does that natively (auto), or never (off).
    """

    base: str = "genrec-tiny-lm"
    method: Literal["lora", "qlora", "full"] = "lora"
    dtype: Literal["float32", "bfloat16"] = "float32"
    autocast: Literal["auto", "off"] = "auto"
    rank: Count = 32
    alpha: Count = 64
    rslora: bool = False
    epochs: Amount = 1.5
    # Of training, after which it stops at the next evaluation; none: no limit. Where it ends the training, how far that
    # came depends on the machine, so equal seeds differ: a warning says so, and the stage's planned_steps exceed steps.
    max_minutes: Amount | None = field(default=None, metadata={"former": 0.0})
    batch_size: Count = 32
    gradient_accumulation: Count = 1
    learning_rate: Amount = 5e-3
    warmup_share: Share = 0.05
    weight_decay: Amount = 0.01
    max_history: Number = 30  # items of a history that a prompt shows
    alignment_share: Share = 0.15  # share of examples that tie ids to words (item to ID, ID to text, query, reason)
    read_items: bool = True  # vectors of the sequence model join the token that ends an item's semantic ID
    teacher_share: Share = 1.0  # of what is graded in histories, drawn from what the item scorer expect
    checkpoints_per_run: Count = 4
    teacher_items: Count = field(default=64, metadata=ADDED)  # likeliest items that the item scorer passes on
    validation_cases: Count = field(default=500, metadata=ADDED)  # at most, that choose the checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceConfig:
    """The sequence model over whole items that stands beside the language model.

    off: the language model answers alone. filter_share, num_low_frequencies: BSARec's alpha and c. repeats: whether an
    item of the history may come again; auto: if items do in training, as groceries do and rated films do not.
    patience: epochs without a better validation before it stops. batch_size, max_samples: events that are graded, each
    after all events before it, in a step and in an epoch, none for all.
    """

    kind: Literal["bsarec", "sasrec", "off"] = "bsarec"
    num_models: Count = 1  # trained one after the other from different beginnings; their scores are averaged
    positions: Literal["relative", "absolute"] = "relative"  # absolute: counted from where a window starts
    num_features: Count = 128
    num_layers: Count = 2
    num_heads: Count = 1
    dropout: Share = 0.5
    max_history: Count = 50
    filter_share: Share = 0.7
    num_low_frequencies: Number = 5
    use_content: bool = True
    epochs: Count = 40
    patience: Count = 3
    batch_size: Count = 256
    max_samples: Count | None = field(default=1_000_000, metadata={"former": 0})
    learning_rate: Amount = 1e-3
    weight_decay: Amount = 0.0
    repeats: Literal["auto", "expected", "left-out"] = "auto"
    content_alone_share: Share = 0.1  # of the items, in each step, that are shown by their content alone
    average_decay: Share = 0.999  # per step, of the moving average of the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemHeadConfig:
    """The head by which the language model, `tune.base`, scores whole items under a LoRA of its own.

    Each item is read as one token. It is trained as the sequence model is, whose other settings hold for it, too.
    epochs: 0 for none of it.
    """

    epochs: Number = 5
    patience: Count = 2
    batch_size: Count = 256
    max_samples: Count | None = 1_000_000
    learning_rate: Amount = 1e-3
    rank: Count = 32
    alpha: Count = 64
    # Its shares beside the sequence model's that are tried, 0 among them.
    shares: tuple[Share, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerConfig:
    """The item scorer: the sequence model and others, each times the weight that serves validation best.

    The weights that are tried of each, beside 0: of what followed the latest items, of likeness to them, of how often
    an item is chosen at all, and of what a fuser that learned from events expects. Without any to try it is left out.
    """

    window: Count = field(default=5, metadata=ADDED)  # later events that follow an item, the one d steps away as 1/d
    followers_weights: tuple[Amount, ...] = field(default=(0.1, 0.2, 0.4, 0.8, 1.5, 3.0), metadata=ADDED)
    likeness_weights: tuple[Amount, ...] = field(default=(0.8, 1.5, 2.2, 3.0, 4.5, 6.0), metadata=ADDED)
    popularity_weights: tuple[Amount, ...] = field(default=(0.1, 0.2, 0.3, 0.4, 0.6, 0.8), metadata=ADDED)
    fuser_weights: tuple[Amount, ...] = field(default=(0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5), metadata=ADDED)
    max_cases: Count = field(default=25_000, metadata=ADDED)  # of validation, that choose the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureConfig:
    """How the language model and the item scorer are weighed. shares: of the item scorer, tried beside 0; head_shares:
    of the item head in what the language model says, tried beside 0.
    """

    head_shares: tuple[Share, ...] = field(default=(0.2, 0.4, 0.6, 0.8, 0.9), metadata=ADDED)
    shares: tuple[Share, ...] = field(default=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), metadata=ADDED)
    max_cases: Count = field(default=1500, metadata=ADDED)  # of validation, that choose the share


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendConfig:
    k: Count = 10
    beam_width: Count = 20  # at least; twice k where that is more
    exclude_history: bool = True
    # Share of the item scorer in the probability; none: as validation chose.
    sequence_weight: Share | None = field(default=None, metadata={"former": -1.0})
    # How often cold items, which have no events, are shown, known ones being 1 on average; none: as it comes.
    newcomer_exposure: Amount | None = field(default=3.0, metadata={"former": 0.0})
    # Nats per cosine to taste that cold items are raised by, beside the likeness that counts for all: little else is
    # known of them.
    cold_likeness: Amount = 4.0
    cold_places: Share = 0.15  # of all places, no more than which exposure asks for
    newcomer_neighbors: Number = 5  # known items whose expectation cold items inherit, where beams alone are asked
    query_weight: float = 4.0  # nats that a standard deviation of likeness to a photo or to items named is worth
    match_weight: Amount = 40.0  # nats by which what meets all words of a query comes before what meets none
    aversion_weight: Amount = 1.0  # of the log-probability that an item is liked, where a person dislikes some
    batch_size: Count = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchConfig:
    """How queries are understood beyond their words: in the space of encode.text_encoder, else of CLIP's texts.

    meaning: auto, where the catalog's own titles are found so; or off. vectors, encoder: given vectors of the data,
    such as minilm, and the sentence encoder that made them, a hub name or a folder, in place of the text encoder's.
    """

    meaning: Literal["auto", "off"] = "auto"
    vectors: str | None = None
    encoder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainConfig:
    max_evidence: Number = 3
    repeated_source: Share = 0.5  # how much a further claim about the same history item is worth
    min_weight_nats: Amount = 0.0  # evidence whose removal does not lower the score by more than this is not named
    max_new_tokens: Count = 64
    max_reason_chars: Count = field(default=70, metadata=ADDED)  # of the line that a card has room for


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatConfig:
    """understanding: who reads messages, the shipped reading model alone, or with a pretrained sentence encoder."""

    understanding: Literal["reader", "model"] = "reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualizeConfig:
    """label: the strip that says to the eye that a picture is generated; every record tells whether it is there.

    certificate, key: files (PEM), as seen from the workspace, that sign every picture; none: nothing is signed. safety:
    what looks at pictures before they are written: none, a folder or hub name of Stable Diffusion's safety checker, or
    an installed check (entry point of the group genrec.safety).
    """

    diffusion: str | None = field(default=None, metadata={"former": "genrec-tiny-diffusion"})  # draws variations
    scene: str | None = field(default="genrec-tiny-scene", metadata=ADDED)  # paints surroundings, and into photos
    ip_adapter: str | None = field(default=None, metadata={"former": ""})  # for models that bring none of their own
    lcm_lora: str | None = field(default=None, metadata=ADDED)  # makes 4 to 8 steps enough, with guidance of 1 to 2
    steps: Count = 4
    guidance: Amount = 1.5
    candidates: Count = field(default=2, metadata=ADDED)  # drawn to choose from
    image_guidance: Amount = field(default=1.5, metadata=ADDED)  # toward the item's picture, where a model edits it
    negative: str = field(default="", metadata=ADDED)  # words for what no picture should show
    item_scale: Amount = 1.0  # strength of the image conditioning
    photo_strength: Annotated[float, 0.05, 1] = 0.65  # how much of a person's photo may change
    taste_temperature: Amount = 0.5  # how sharply history items like the item are preferred in the taste centroid
    taste_strength: Share = field(default=1.0, metadata=ADDED)
    draft_strength: Annotated[float, 0.05, 1] = field(default=0.35, metadata=ADDED)  # how much of a draft is repainted
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = field(default="auto", metadata=ADDED)
    offload: Literal["none", "model", "sequential"] = field(default="none", metadata=ADDED)  # weights leave the GPU
    attention_slicing: bool = field(default=False, metadata=ADDED)
    label: bool = field(default=True, metadata=ADDED)
    certificate: str | None = field(default=None, metadata=ADDED)
    key: str | None = field(default=None, metadata=ADDED)
    safety: str | None = field(default=None, metadata=ADDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneVisualsConfig:
    model: Literal["diffusion", "scene"] = "diffusion"  # whose model of visualize is tuned on the catalog's pictures
    rank: Count = 8
    learning_rate: Amount = 1e-4
    steps: Count = 1000
    batch_size: Count = 4
    drop_words: Share = 0.1  # of the pictures are shown without their words, for guidance
    checkpoint_every: Count = 50
    sample_every: Count = 200
    num_samples: Count = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """Limits of the server. What is waiting beyond them is refused with 503, what is larger with 413.

    connections_per_address: none where a proxy stands before the server, for all clients come from its address then.
    allowed_hosts: under which names it may be reached, beside its own on this machine. Without any, a server that asks
    for keys may be reached under every name, one that asks for none under its own; "*" is every name there, too.
    """

    max_batch: Count = 32  # requests of different clients that the model answers in one call
    max_waiting: Count = 256
    max_drawings: Count = 8  # waiting ones
    drawings_at_once: Count | None = None  # none: two on a GPU, else one for every four cores
    max_stored_drawings: Count | None = 200  # of each person, and a tenfold of nobody's; the oldest go. none: no limit
    max_wait_for_words_s: Amount = 0.2  # until a text begins, half as long for each further try; else by template
    num_threads: Count = 32  # conversations and explanations in hand at once; they mostly wait for the model
    time_limit_s: Amount = 30.0
    drawing_limit_s: Amount = 120.0
    max_body_bytes: Count = 8 * 2**20
    max_picture_pixels: Count = 16_000_000
    reload_check_s: Amount | None = 2.0  # a newer generation is looked for; none: by POST /v1/reload or SIGHUP
    max_photos: Count = 16  # of one request, those of replayed messages too
    max_photos_pixels: Count = 48_000_000  # of them together
    photo_limit_s: Amount = 3.0  # to decode one
    header_limit_s: Amount = 10.0  # for the head of a request; its body has time_limit_s
    idle_limit_s: Count = 5  # for a connection between two requests
    connections_per_address: Count | None = 256
    max_connections: Count = 2_000  # of each process
    allowed_hosts: tuple[str, ...] = ()
    needs_keys: bool = False  # also where only this machine reaches the server, as a proxy on it does
    num_shown: Count = 5  # items of a chat turn
    gives_reasons: bool = True  # with every item of a chat turn; "why?" is answered all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; `genrec.toml` in a workspace is its resolved form."""

    preset: str = "tiny"
    seed: Annotated[int, 0, 2**31 - 1] = 7  # what every library takes for one
    device: str = "auto"
    split: SplitConfig = field(default_factory=SplitConfig)
    encode: EncodeConfig = field(default_factory=EncodeConfig)
    align: AlignConfig = field(default_factory=AlignConfig)
    fuse: FuseConfig = field(default_factory=FuseConfig)
    tokenize: TokenizeConfig = field(default_factory=TokenizeConfig)
    sequence: SequenceConfig = field(default_factory=SequenceConfig)
    item_head: ItemHeadConfig = field(default_factory=ItemHeadConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    scorer: ScorerConfig = field(default_factory=ScorerConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    recommend: RecommendConfig = field(default_factory=RecommendConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    explain: ExplainConfig = field(default_factory=ExplainConfig)
    chat: ChatConfig = field(default_factory=ChatConfig)
    visualize: VisualizeConfig = field(default_factory=VisualizeConfig)
    tune_visuals: TuneVisualsConfig = field(default_factory=TuneVisualsConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)

    @classmethod
    def for_preset(cls, preset: str, defaults: Mapping[str, Any] | None = None) -> "Config":
        """The defaults of one preset, by its name in PRESETS. defaults: tables of others, where the preset is silent.

        Raises ConfigError.
        """
        if preset not in PRESETS:
            raise ConfigError(f"preset {preset!r} is unknown; choose one of {', '.join(PRESETS)}")
        return merge(merge(cls(preset=preset), defaults or {}), PRESETS[preset])

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Read a TOML file. Raises ConfigError."""
        try:
            if path.exists() and not path.is_file():  # a pipe would be waited for
                raise OSError("it is no plain file")
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, no TOML, too long a number
            reason = " ".join(str(error).split())
            raise ConfigError(f"{path} cannot be read as TOML ({reason}); wanted a genrec.toml") from error
        _leave_out_removed(table, path)
        preset = table.get("preset", "tiny")
        try:
            return merge(cls.for_preset(preset if isinstance(preset, str) else shown_value(preset)), table)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def to_toml(self) -> str:
        """The resolved configuration as TOML text."""
        return tomli_w.dumps(asdict(self, dict_factory=spelled))

    def with_settings(self, settings: Iterable[str]) -> "Config":
        """Apply `a.b=value` assignments, values in TOML or bare words. Raises ConfigError."""
        config = self
        for setting in settings:
            config = merge(config, assignment(setting))
        return config


def _leave_out_removed(table: dict[str, Any], path: Path) -> None:  # Any: a TOML table
    """Let an older file's settings go that are read no more; one that somebody chose is told."""
    for (section, name), written in REMOVED.items():
        entries = table.get(section)
        if isinstance(entries, dict) and name in entries and entries.pop(name) != written:
            log.warning("%s: setting %s.%s has no effect any more; take it out", path, section, name)


PRESETS: Mapping[str, Mapping[str, Any]] = {  # Any: TOML tables
    "tiny": {"encode": {"dtype": "float64"}},  # so that the shipped adapters fit what is built anywhere
    "small": {
        "encode": {
            "clip": "openai/clip-vit-base-patch32",
            "text_encoder": "sentence-transformers/all-MiniLM-L6-v2",
        },
        "tune": {
            "base": "HuggingFaceTB/SmolLM2-135M-Instruct",
            "rank": 16,
            "alpha": 32,
            "epochs": 1.0,
            "batch_size": 16,
            "learning_rate": 1e-3,
        },
        "item_head": {"rank": 16, "alpha": 32, "epochs": 1, "max_samples": 50_000},  # minutes on two cores
        "chat": {"understanding": "model"},
    },
    "base": {
        "encode": {
            "clip": "openai/clip-vit-base-patch32",
            "text_encoder": "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        },
        "tokenize": {"num_codes": 256},
        "fuse": {"num_features": 128},
        "tune": {
            "base": "Qwen/Qwen3-0.6B",
            "dtype": "bfloat16",
            "rank": 16,
            "alpha": 32,
            "epochs": 3.0,
            "batch_size": 16,
            "learning_rate": 3e-4,
        },
        "item_head": {"rank": 16, "alpha": 32, "epochs": 3, "learning_rate": 3e-4},
        "chat": {"understanding": "model"},
        "visualize": {
            "diffusion": "stable-diffusion-v1-5/stable-diffusion-v1-5",
            "scene": "stable-diffusion-v1-5/stable-diffusion-inpainting",
            "ip_adapter": "h94/IP-Adapter",
            "lcm_lora": "latent-consistency/lcm-lora-sdv1-5",
            "steps": 6,
            "guidance": 1.5,
            "negative": "text, watermark, deformed, blurry",
            "safety": "stable-diffusion-v1-5/stable-diffusion-v1-5",
        },
    },
    "large": {
        "encode": {
            "clip": "google/siglip2-so400m-patch14-384",
            "text_encoder": "Qwen/Qwen3-Embedding-0.6B",
        },
        "tokenize": {"num_codes": 256},
        "fuse": {"num_features": 256},
        "tune": {
            "base": "Qwen/Qwen3-4B",
            "method": "qlora",
            "dtype": "bfloat16",
            "rank": 16,
            "alpha": 32,
            "epochs": 2.0,
            "batch_size": 8,
            "gradient_accumulation": 4,
            "learning_rate": 2e-4,
        },
        "item_head": {"rank": 16, "alpha": 32, "epochs": 2, "batch_size": 128, "learning_rate": 2e-4},
        "chat": {"understanding": "model"},
        "visualize": {
            "diffusion": "black-forest-labs/FLUX.2-klein-4B",
            "scene": "black-forest-labs/FLUX.2-klein-4B",
            "safety": "stable-diffusion-v1-5/stable-diffusion-v1-5",
            "steps": 4,
            "guidance": 1.0,
        },
    },
}
