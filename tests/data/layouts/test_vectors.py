"""Arrays beside events as given modalities."""

from pathlib import Path

import numpy as np

from genrec.data.layouts.vectors import given_vectors, modality


def test_arrays_with_a_row_for_each_numbered_item_are_modalities(tmp_path: Path) -> None:
    np.save(tmp_path / "image_feat.npy", np.ones((3, 8), np.float32))
    np.save(tmp_path / "baby_vggish.npy", np.ones((4, 2), np.float16))
    found = given_vectors(tmp_path / "baby.inter", num_items=3)
    assert {name: (one.ids, one.num_features) for name, one in found.arrays.items()} == {
        "image": (("0", "1", "2"), 8),
        "vggish": (("0", "1", "2", "3"), 2),
    }


def test_other_arrays_are_named_with_their_reason(tmp_path: Path) -> None:
    np.save(tmp_path / "short_feat.npy", np.ones((2, 8), np.float32))
    np.save(tmp_path / "user_graph_dict.npy", np.array({"u": 1}, dtype=object), allow_pickle=True)
    np.save(tmp_path / "flat.npy", np.ones(3, np.float32))
    found = given_vectors(tmp_path / "baby.inter", num_items=3)
    assert not found.arrays
    assert found.other == {
        "flat.npy": "an array of 1 axes of float32; wanted a vector for each item",
        "short_feat.npy": "has 2 rows, and events number 3 items",
        "user_graph_dict.npy": "no array of numbers",
    }


def test_a_modality_is_named_after_its_file() -> None:
    events = Path("lfm2k.inter")
    names = ("lfm2k_whisper.npy", "text_feat.npy", "v_features.npy", "_feat.npy")
    assert [modality(Path(name), events) for name in names] == ["whisper", "text", "v", "_feat"]
