"""What was fitted comes back as it was, and what cannot be read says so."""

import json

import numpy as np
import pytest

from genrec.errors import ArtifactError
from genrec.fitted import Fitted, load_fitted


class Ruler(Fitted):
    role, name = "ruler", "straight"

    def __init__(self, unit="cm"):
        self.unit, self.marks = unit, np.arange(3.0)

    def arrays(self):
        return {"marks": self.marks}

    def restore(self, arrays):
        self.marks = arrays["marks"]

    def record(self):
        return {"ruler": self.name, "unit": self.unit}

    @classmethod
    def from_record(cls, record):
        return cls(record["unit"])


KINDS = {Ruler.name: Ruler}


def test_load_returns_what_was_saved(tmp_path):
    ruler = Ruler("in")
    ruler.marks = np.array([0.5, 2.0])
    ruler.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ruler.json", "ruler.safetensors"]
    again = load_fitted(tmp_path, "ruler", KINDS)
    assert again.unit == "in"
    np.testing.assert_array_equal(again.marks, ruler.marks)
    assert again.fingerprint_of(again.unit) == ruler.fingerprint_of("in")


def test_the_fingerprint_tells_what_was_learned_and_with_what():
    ruler, other = Ruler(), Ruler()
    other.marks = ruler.marks + 1
    assert len({ruler.fingerprint_of(), ruler.fingerprint_of("in"), other.fingerprint_of()}) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "ruler.json").unlink(), r"ruler\.json cannot be read .*; run genrec build again"),
        (lambda folder: (folder / "ruler.json").write_text("[]"), r"ruler\.json cannot be read"),
        (lambda folder: (folder / "ruler.json").write_text('{"ruler": "straight"}'), r"ruler\.json cannot be read"),
        (lambda folder: (folder / "ruler.safetensors").write_bytes(b""), r"ruler\.safetensors is broken"),
        (
            lambda folder: (folder / "ruler.json").write_text(json.dumps({"ruler": "bent", "unit": "cm"})),
            "holds a 'bent' ruler; this genrec knows straight",
        ),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, change, message):
    Ruler().save(tmp_path)
    change(tmp_path)
    with pytest.raises(ArtifactError, match=message):
        load_fitted(tmp_path, "ruler", KINDS)
