"""Claims about the demo shop's pictures: they show what the attributes say, the same way every time."""

import numpy as np
import pytest

from genrec.errors import InputError
from genrec.shop.drawing import Backdrop, draw_item
from genrec.shop.outlines import Part
from genrec.shop.shapes import BUILDERS, build_parts
from genrec.shop.vocabulary import (
    ALL_DOMAINS,
    BRANDS,
    COLORS,
    DOMAINS,
    PATTERNS,
    SEEN_DOMAINS,
    STYLES,
    accents_for,
    color_distance,
    sample_attributes,
)


def _picture(
    look: dict[str, str | float], seed: int = 0, size_px: int = 64, backdrop: Backdrop | None = None
) -> np.ndarray:
    picture = draw_item(look, size_px=size_px, backdrop=backdrop, rng=np.random.default_rng(seed))
    return np.asarray(picture, dtype=np.float64)


def _nearest_color(pixels: np.ndarray) -> str:
    """The named color with the nearest hue to the middle of the pixels, brightness set aside."""
    middle = np.median(pixels.reshape(-1, 3), axis=0)
    scales = np.linspace(0.7, 1.2, 21)
    gaps = {name: min(np.abs(middle - s * np.array(c.rgb)).sum() for s in scales) for name, c in COLORS.items()}
    return min(gaps, key=gaps.__getitem__)


def test_every_domain_has_an_outline_for_each_of_its_shapes() -> None:
    for domain in DOMAINS.values():
        assert set(domain.shapes) == set(BUILDERS[domain.name])
        for shape in domain.shapes:
            parts = build_parts(domain.name, shape)
            assert any(part.paint == "main" for part in parts)
            assert all(isinstance(part, Part) and np.abs(part.points_P2).max() < 0.95 for part in parts)


def test_same_seed_draws_the_same_bytes_and_another_seed_does_not() -> None:
    look = sample_attributes(np.random.default_rng(3))
    first, again, other = (draw_item(look, rng=np.random.default_rng(seed)).tobytes() for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize("size_px", [32, 64, 128])
def test_picture_has_the_size_asked_for(size_px: int) -> None:
    look = sample_attributes(np.random.default_rng(3))
    picture = draw_item(look, size_px=size_px, rng=np.random.default_rng(0))
    assert (picture.size, picture.mode) == ((size_px, size_px), "RGB")


@pytest.mark.parametrize("color", sorted(COLORS))
def test_main_color_fills_the_middle_of_a_plain_mug(color: str) -> None:
    look = {"category": "mug", "shape": "straight", "color": color, "accent": accents_for(color)[0],
            "pattern": "plain", "material": "ceramic"}  # fmt: skip
    assert _nearest_color(_picture(look)[32:44, 26:38]) == color


@pytest.mark.parametrize("pattern", PATTERNS)
def test_main_color_outweighs_the_accent_under_every_pattern(pattern: str) -> None:
    look = {"category": "cushion", "shape": "square", "color": "blue", "accent": "yellow",
            "pattern": pattern, "material": "leather"}  # fmt: skip
    body = _picture(look, size_px=128)[44:100, 40:88].reshape(-1, 3)
    near = {name: np.abs(body - np.array(COLORS[name].rgb)).sum(axis=1) for name in ("blue", "yellow")}
    share = float((near["yellow"] < near["blue"]).mean())
    assert share < 0.45
    assert (share > 0.1) == (pattern != "plain")


def test_each_pattern_changes_the_picture_clearly() -> None:
    base = {"category": "bag", "shape": "tote", "color": "teal", "accent": "white", "material": "leather"}
    pictures = [_picture({**base, "pattern": pattern}) for pattern in PATTERNS]
    gaps = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(gaps) > 4.0


def test_backdrops_differ_around_the_item_and_leave_the_item_alone() -> None:
    look = {"category": "cushion", "shape": "square", "color": "red", "accent": "white", "pattern": "plain",
            "material": "leather"}  # fmt: skip
    scenes = [None, Backdrop("teal", "dotted"), Backdrop("teal", "zigzag"), Backdrop("pink", "dotted")]
    pictures = [_picture(look, backdrop=scene) for scene in scenes]
    walls, bodies = [p[:10] for p in pictures], [p[28:48, 24:40] for p in pictures]
    assert min(np.abs(a - b).mean() for i, a in enumerate(walls) for b in walls[:i]) > 3.0
    assert max(np.abs(bodies[0] - body).max() for body in bodies) < 1.5


def test_unknown_looks_and_backdrops_are_refused() -> None:
    with pytest.raises(InputError, match="spoon"):
        build_parts("spoon", "round")
    with pytest.raises(InputError, match="mauve"):
        Backdrop("mauve", "dotted")
    with pytest.raises(InputError, match="spoon"):
        sample_attributes(np.random.default_rng(0), ("spoon",))


def test_sampled_looks_are_consistent() -> None:
    rng = np.random.default_rng(1)
    looks = [sample_attributes(rng, ALL_DOMAINS) for _ in range(600)]
    assert {look["category"] for look in looks} == set(ALL_DOMAINS)
    for look in looks:
        domain = DOMAINS[str(look["category"])]
        assert look["shape"] in domain.shapes
        assert look["material"] in domain.materials
        assert domain.name in BRANDS[str(look["brand"])].domains
        assert look["warmth"] == COLORS[str(look["color"])].warmth
        assert color_distance(str(look["color"]), str(look["accent"])) > 100


def test_styles_lean_to_their_patterns() -> None:
    rng = np.random.default_rng(2)
    looks = [sample_attributes(rng, SEEN_DOMAINS) for _ in range(1500)]
    favorite = dict(zip(STYLES, ("plain", "zigzag", "dotted", "checked", "floral"), strict=True))
    for style, pattern in favorite.items():
        worn = [look["pattern"] for look in looks if look["style"] == style]
        assert max(set(worn), key=worn.count) == pattern


def test_most_prices_are_between_8_and_200() -> None:
    rng = np.random.default_rng(4)
    prices = np.array([float(sample_attributes(rng)["price"]) for _ in range(1000)])
    assert ((prices >= 8) & (prices <= 200)).mean() > 0.9
    assert np.allclose(prices, prices.round(2))
