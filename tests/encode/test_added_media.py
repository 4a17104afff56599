"""Items that nothing but a sound or a video tells of join a built workspace, and are known by it."""

import numpy as np
import pytest
from made_videos import BLUE, GREEN, RED, save_video
from scipy.io import wavfile
from workspaces import stages_of

from genrec.data.ingest import ingest
from genrec.encode.stage import load_embeddings
from genrec.new_items import add_items
from genrec.pipeline import build
from genrec.workspace import load

QUICK = (
    "tokenize.num_codes=8", "sequence.epochs=1", "sequence.num_features=16", "scorer.max_cases=10",
    "tune.epochs=0.3", "tune.checkpoints_per_run=1", "tune.validation_cases=4", "tune.max_history=4",
    "item_head.epochs=1", "mixture.max_cases=4", "recommend.beam_width=4", "explain.max_new_tokens=4",
)  # fmt: skip
COLORS = (RED, GREEN, BLUE)


def tone(path, hz):
    wavfile.write(path, 8000, (0.5 * np.sin(2 * np.pi * hz * np.arange(4000) / 8000)).astype(np.float32))


@pytest.fixture(scope="module")
def built(tmp_path_factory, clip_folder, clap_folder):
    """A built workspace whose items have a title, a tone and a video, and the folder of its source."""
    source = tmp_path_factory.mktemp("media") / "source"
    source.mkdir()
    rows, events = ["id,title,audio,video"], ["user,item,time"]
    for number in range(24):
        tone(source / f"{number}.wav", 200 + 400 * (number % 3))
        save_video(source / f"{number}.mp4", (COLORS[number % 3],), frames_each=2)
        rows.append(f"i{number},Thing {number},{number}.wav,{number}.mp4")
    for person in range(8):
        events += [f"u{person},i{(3 * step + person) % 24},{step}" for step in range(5)]
    (source / "items.csv").write_text("\n".join(rows))
    (source / "events.csv").write_text("\n".join(events))
    ingest("files", source, source.parent / "ws")
    build(source.parent / "ws", settings=(*QUICK, f"encode.clip={clip_folder}", f"encode.audio={clap_folder}"))
    return source.parent / "ws", source


def test_items_of_a_sound_or_a_video_alone_join_a_built_workspace(built):
    directory, source = built
    before = load_embeddings(stages_of(directory) / "embeddings")
    assert {"text", "audio", "video"} <= before.keys()
    tone(source / "new.wav", 600)
    save_video(source / "new.mp4", (GREEN,), frames_each=2)
    (source / "new.csv").write_text("id,title,audio,video\nsound,,new.wav,\nvideo,,,new.mp4\n")
    report = add_items(directory, source / "new.csv")
    assert report.item_ids == ("sound", "video")
    after = load_embeddings(stages_of(directory) / "embeddings")
    for name, row, twin in (("audio", 24, 1), ("video", 25, 1)):  # heard and seen as an old one that is the same
        assert after[name].present[24:].tolist() == [row == 24, row == 25]
        np.testing.assert_allclose(after[name].vectors[row], before[name].vectors[twin], atol=1e-5)
    recommended = load(directory).recommend(history=["sound", "video"], k=5)
    assert len(recommended) == 5
