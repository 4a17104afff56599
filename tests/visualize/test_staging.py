import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pictures import made
from PIL import Image

from genrec.errors import InputError
from genrec.visualize.cutout import Cutout, cut_out, whole
from genrec.visualize.staging import Pose, Stage, compose, place_in_photo, stage

POSES: tuple[Pose, ...] = ("stand", "hang", "lie", "lean")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8))


def poster() -> Cutout:
    return whole(np.asarray(noise(120, 180)))


def changed(staged: Stage, composed: Image.Image) -> int:
    solid_SS = staged.item_SS == 1
    return int((np.asarray(composed)[solid_SS] != staged.pixels_SS3[solid_SS]).sum())


@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from(["disc", "mug", "chair", "trousers", "board", "letters"]),
    color=st.tuples(*[st.integers(0, 255)] * 3),
    width=st.integers(40, 300),
    height=st.integers(40, 300),
    seed=st.integers(0, 10_000),
    pose=st.sampled_from([None, *POSES]),
    background=st.integers(16, 300),
)
def test_no_pixel_of_the_item_changes(
    shape: str,
    color: tuple[int, int, int],
    width: int,
    height: int,
    seed: int,
    pose: Pose | None,
    background: int,
) -> None:
    picture = made(shape, size=(width, height), color=color).picture
    cutout = cut_out(picture)
    staged = stage(cutout, seed=seed, pose=pose)
    composed = compose(staged, noise(background, background, seed))
    assert composed.size == (staged.size_px, staged.size_px)
    assert changed(staged, composed) == 0
    own_P3 = np.asarray(picture)[cutout.alpha_HW == 1]  # in reading order, as on the canvas
    assert np.array_equal(staged.pixels_SS3[staged.item_SS == 1], own_P3)


@pytest.mark.parametrize("picture", [made("mug", size=(400, 400)).picture, noise(900, 600), noise(100, 1000)])
def test_the_canvas_is_large_enough_for_the_items_own_pixels(picture: Image.Image) -> None:
    cutout = cut_out(picture)
    for seed in range(10):
        staged = stage(cutout, seed=seed)
        rows, columns = np.flatnonzero(staged.alpha_SS.any(1)), np.flatnonzero(staged.alpha_SS.any(0))
        assert staged.size_px >= 256
        assert len(rows) / staged.size_px < 0.7
        assert len(columns) / staged.size_px < 0.8
        assert len(rows) / staged.size_px > 0.5 or len(columns) / staged.size_px > 0.7


def test_the_same_seed_gives_the_same_stage_and_others_vary() -> None:
    cutout = poster()
    one, other = stage(cutout, seed=3), stage(cutout, seed=3)
    assert np.array_equal(one.pixels_SS3, other.pixels_SS3)
    assert np.array_equal(one.light_SS, other.light_SS)
    looks = {
        (s.pose, s.size_px, s.is_framed, s.pixels_SS3.tobytes()) for s in (stage(cutout, seed=n) for n in range(12))
    }
    assert len(looks) > 8


@pytest.mark.parametrize("pose", POSES)
def test_the_shadow_lies_outside_and_its_strength_is_a_dial(pose: Pose) -> None:
    cutout = cut_out(made("mug").picture)
    white = Image.new("RGB", (64, 64), "white")
    taken = [
        255 - np.asarray(compose(stage(cutout, seed=1, pose=pose, shadow=s), white)).astype(int) for s in (0, 0.5, 1)
    ]
    outside_SS = stage(cutout, seed=1, pose=pose).alpha_SS == 0
    none, half, full = (float(t[outside_SS].sum()) for t in taken)
    assert none == 0
    assert 0.35 * full < half < 0.65 * full
    assert full > 0


def test_what_stands_has_its_shadow_at_its_feet_and_what_hangs_has_it_around() -> None:
    cutout = cut_out(made("mug").picture)
    standing, hanging = stage(cutout, seed=1, pose="stand"), stage(cutout, seed=1, pose="hang")
    assert standing.ground_px is not None
    assert hanging.ground_px is None
    rows = np.flatnonzero(standing.alpha_SS.any(1))
    assert rows[-1] + 1 == standing.ground_px
    upper = slice(0, rows[0] + len(rows) // 3)
    assert standing.light_SS[upper].min() > 0.97
    darkest = np.unravel_index(np.where(standing.alpha_SS == 0, standing.light_SS, 1).argmin(), standing.light_SS.shape)
    assert abs(int(darkest[0]) - standing.ground_px) < 0.12 * len(rows)
    top = np.flatnonzero(hanging.alpha_SS.any(1))[0]
    assert hanging.light_SS[top : top + 30].min() < 0.9


def test_whole_pictures_are_framed_where_they_hang_and_bare_where_they_lean() -> None:
    hung, leant = stage(poster(), seed=5, pose="hang"), stage(poster(), seed=5, pose="lean")
    assert hung.is_framed
    assert (hung.alpha_SS > 0).sum() > (hung.item_SS > 0).sum()
    assert not leant.is_framed
    assert not stage(poster(), seed=5, pose="hang", frame=False).is_framed


def test_covers_hang_or_lean_and_wide_photographs_hang() -> None:
    assert {stage(poster(), seed=n).pose for n in range(20)} == {"hang", "lean"}
    assert {stage(whole(np.asarray(noise(180, 120))), seed=n).pose for n in range(20)} == {"hang"}


def test_an_item_that_was_cut_does_not_float() -> None:
    cutout = cut_out(made("trousers").picture)
    for seed in range(5):
        staged = stage(cutout, seed=seed)
        assert staged.alpha_SS[-1].any()


def test_an_item_shown_on_a_ground_stands() -> None:
    assert stage(cut_out(made("mug", shadow=True, color=(40, 80, 170)).picture), seed=0).pose == "stand"


def test_the_mask_is_white_where_a_model_should_paint() -> None:
    staged = stage(cut_out(made("mug").picture), seed=2)
    mask = np.asarray(staged.mask())
    assert (mask[staged.alpha_SS == 1] == 0).all()
    assert (mask[staged.alpha_SS == 0] == 255).all()
    small = np.asarray(staged.mask(128))
    assert small.shape == (128, 128)
    assert set(np.unique(small)) == {0, 255}
    assert (small == 0).mean() == pytest.approx((mask == 0).mean(), abs=0.02)


def test_the_item_lies_on_neutral_gray_for_the_model() -> None:
    staged = stage(cut_out(made("mug").picture), seed=2)
    gray = np.asarray(staged.on_neutral())
    assert (gray[staged.alpha_SS == 0] == 127).all()
    assert np.array_equal(gray[staged.item_SS == 1], staged.pixels_SS3[staged.item_SS == 1])
    assert staged.on_neutral(512).size == (512, 512)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"shadow": -1}, "a shadow of strength -1 cannot be cast; give one from 0 to 2"),
        ({"shadow": float("nan")}, "a shadow of strength nan cannot be cast; give one from 0 to 2"),
        ({"min_size_px": 10}, "a canvas of 10 pixels is too small to stage an item; give at least 64"),
    ],
)
def test_stages_that_cannot_be_are_refused_with_one_line(asked: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}$"):
        stage(poster(), seed=0, **asked)  # type: ignore[arg-type]


# ---- in a photo


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from(["disc", "mug", "chair", "board", "letters"]),
    left=st.integers(0, 150),
    top=st.integers(0, 100),
    width=st.integers(4, 90),
    height=st.integers(4, 80),
)
def test_outside_the_box_the_photo_is_untouched(shape: str, left: int, top: int, width: int, height: int) -> None:
    photo = noise(240, 180)
    placed = place_in_photo(cut_out(made(shape).picture), photo, (left, top, width, height))
    inside = np.zeros((180, 240), bool)
    inside[top : top + height, left : left + width] = True
    assert np.array_equal(np.asarray(placed.picture)[~inside], np.asarray(photo)[~inside])
    assert not np.asarray(placed.mask)[~inside].any()


def test_the_item_fills_the_box_and_stands_at_its_bottom() -> None:
    photo = Image.new("RGB", (300, 200), (200, 200, 200))
    placed = place_in_photo(cut_out(made("mug").picture), photo, (100, 40, 120, 110), shadow=0)
    differs = (np.asarray(placed.picture) != 200).any(-1)
    rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
    assert rows[-1] == 149
    assert len(rows) > 95
    assert abs((columns[0] + columns[-1]) / 2 - 160) < 3


def test_in_a_mask_the_item_lies_inside_and_nothing_else_changes() -> None:
    photo = noise(240, 180)
    disc = np.hypot(*np.mgrid[-90:90, -120:120]) < 70
    placed = place_in_photo(cut_out(made("mug").picture), photo, Image.fromarray((disc * 255).astype(np.uint8)))
    after, before = np.asarray(placed.picture), np.asarray(photo)
    assert np.array_equal(after[~disc], before[~disc])
    assert (after[disc] != before[disc]).any(-1).mean() > 0.15
    ring = np.asarray(placed.mask) > 0
    assert ring.any()
    assert not ring[~disc].any()


@pytest.mark.parametrize("box", [(-1, 0, 50, 50), (0, 0, 101, 50), (60, 0, 50, 50), (0, 60, 50, 50), (0, 0, 0, 9)])
def test_a_box_outside_the_photo_is_refused_with_one_line(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match=r"^the box .* does not lie in the photo of 100 × 100 pixels; give [^\n]*$"):
        place_in_photo(poster(), Image.new("RGB", (100, 100)), box)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (Image.new("L", (50, 60), 255), r"^the mask has 50 × 60 pixels, the photo 100 × 100; give [^\n]*$"),
        (Image.new("L", (100, 100)), r"^the mask is black nearly all over; paint [^\n]*$"),
    ],
)
def test_masks_that_cannot_be_used_are_refused_with_one_line(mask: Image.Image, said: str) -> None:
    with pytest.raises(InputError, match=said):
        place_in_photo(poster(), Image.new("RGB", (100, 100)), mask)


def test_a_mask_in_two_pieces_has_no_place_for_the_item() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[::6, ::6] = 255
    with pytest.raises(InputError, match="no place for the item"):
        place_in_photo(poster(), Image.new("RGB", (100, 100)), Image.fromarray(mask))
