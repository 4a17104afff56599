import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import c2pa
import pytest
from certificates import OPENSSL, SIGNER, Authority, certificate, certificate_pem, key_pem, new_key
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from test_marking import RECORD as PLAIN
from test_marking import noise

from genrec.config import VisualizeConfig
from genrec.errors import ConfigError, InputError
from genrec.visualize.credentials import load_credentials, read_signature, sign
from genrec.visualize.marking import encode_png, label_picture
from genrec.visualize.record import Ingredient, VisualRecord

ITEM = Ingredient(role="item", format="image/jpeg", sha256="ab" * 32)
PHOTO = Ingredient(role="photo", format="image/png", sha256="cd" * 32)
RECORD = replace(PLAIN, ingredients=(ITEM,), scores={"item": 0.91})


@pytest.fixture(scope="module")
def authority():
    return Authority()


def loaded(folder, settings):
    return load_credentials(VisualizeConfig(**settings), folder)


def png_of(record):
    return encode_png(label_picture(noise((256, 128)), record), record)


def manifest_of(content):
    with c2pa.Reader("image/png", io.BytesIO(content)) as reader:
        return json.loads(reader.json())["manifests"][json.loads(reader.json())["active_manifest"]]


def actions_of(content):
    return next(e["data"]["actions"] for e in manifest_of(content)["assertions"] if e["label"] == "c2pa.actions.v2")


def test_without_certificate_and_key_nothing_is_signed(tmp_path):
    assert loaded(tmp_path, {}) is None
    assert read_signature(png_of(RECORD)) is None


def test_a_signature_holds_names_the_signer_and_keeps_the_record(authority, tmp_path):
    credentials = loaded(tmp_path, authority.give(tmp_path))
    found = read_signature(sign(png_of(RECORD), RECORD, credentials))
    assert (found.signer, found.trust, found.covers_file, found.faults) == (SIGNER, "unknown", True, ())
    assert VisualRecord.from_json(found.record) == RECORD
    assert credentials.signer.name == SIGNER


def test_a_signer_is_trusted_by_an_anchor_and_not_by_another(authority, tmp_path):
    content = sign(png_of(RECORD), RECORD, loaded(tmp_path, authority.give(tmp_path)))
    (tmp_path / "other.pem").write_bytes(certificate_pem(Authority().certificate))
    assert read_signature(content, tmp_path / "ca.pem").trust == "trusted"
    assert read_signature(content, tmp_path / "other.pem").trust == "unknown"


def done_in(content):
    """What a manifest says was done: the action, its source type, and how its ingredients stand to the picture."""
    relations = {entry["label"]: entry["relationship"] for entry in manifest_of(content).get("ingredients", [])}
    return [
        (
            action["action"],
            action.get("digitalSourceType", "").rpartition("/")[2],
            [relations[e["url"].rpartition("/")[2]] for e in action.get("parameters", {}).get("ingredients", [])],
        )
        for action in actions_of(content)
    ]


@pytest.mark.parametrize(
    ("mode", "ingredients", "wanted"),
    [
        ("variation", (ITEM,), [("c2pa.opened", "", ["parentOf"]), ("c2pa.edited", "algorithmicallyEnhanced", [])]),
        (
            "photo",
            (PHOTO, ITEM),
            [
                ("c2pa.opened", "", ["parentOf"]),
                ("c2pa.edited", "composite", []),
                ("c2pa.placed", "", ["componentOf"]),
            ],
        ),
    ],
)
def test_nobody_signs_that_a_model_made_what_none_did(authority, tmp_path, mode, ingredients, wanted):
    record = replace(RECORD, mode=mode, ingredients=ingredients, generated=False)
    content = sign(png_of(record), record, loaded(tmp_path, authority.give(tmp_path)))
    assert done_in(content) == wanted
    assert read_signature(content).record["generated"] is False


@pytest.mark.parametrize(
    ("mode", "ingredients", "wanted"),
    [
        ("variation", (ITEM,), [("c2pa.created", "trainedAlgorithmicMedia", ["inputTo"])]),
        ("variation", (), [("c2pa.created", "trainedAlgorithmicMedia", [])]),
        (
            "scene",
            (ITEM,),
            [("c2pa.created", "compositeWithTrainedAlgorithmicMedia", []), ("c2pa.placed", "", ["componentOf"])],
        ),
        (
            "photo",
            (PHOTO, ITEM),
            [
                ("c2pa.opened", "", ["parentOf"]),
                ("c2pa.edited", "compositeWithTrainedAlgorithmicMedia", []),
                ("c2pa.placed", "", ["componentOf"]),
            ],
        ),
        ("picture", (ITEM,), [("c2pa.opened", "", ["parentOf"])]),
    ],
)
def test_what_was_done_to_which_picture_is_said_by_mode(authority, tmp_path, mode, ingredients, wanted):
    record = replace(RECORD, mode=mode, ingredients=ingredients)
    content = sign(png_of(record), record, loaded(tmp_path, authority.give(tmp_path)))
    manifest = manifest_of(content)
    assert done_in(content) == wanted
    hashes = {entry["instance_id"] for entry in manifest.get("ingredients", [])}
    assert hashes == {f"sha256:{entry.sha256}" for entry in ingredients}
    assert read_signature(content).covers_file


def test_neither_a_thumbnail_nor_the_name_of_a_photo_goes_along(authority, tmp_path):
    record = replace(RECORD, mode="photo", ingredients=(PHOTO, ITEM))
    content = sign(png_of(record), record, loaded(tmp_path, authority.give(tmp_path)))
    assert b"thumbnail" not in content
    assert len(content) - len(png_of(record)) < 10_000


KEYS = {
    "P-256": new_key,
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_every_kind_sign(authority, tmp_path, kind):
    credentials = loaded(tmp_path, authority.give(tmp_path, key=KEYS[kind]()))
    assert read_signature(sign(png_of(RECORD), RECORD, credentials)).covers_file


@pytest.mark.parametrize("kind", ["P-256", "RSA"])
def test_keys_as_openssl_writes_them_sign(authority, tmp_path, kind):
    credentials = loaded(tmp_path, authority.give(tmp_path, key=KEYS[kind](), form=OPENSSL))
    assert read_signature(sign(png_of(RECORD), RECORD, credentials)).covers_file


def test_paths_may_be_absolute_or_as_seen_from_the_workspace(authority, tmp_path):
    (tmp_path / "keys").mkdir()
    named = authority.give(tmp_path / "keys")
    absolute = {name: str(tmp_path / "keys" / file) for name, file in named.items()}
    relative = {name: os.path.join("..", "keys", file) for name, file in named.items()}
    (tmp_path / "shop").mkdir()
    assert loaded(tmp_path / "shop", absolute) == loaded(tmp_path / "shop", relative)
    assert list((tmp_path / "shop").iterdir()) == []


def test_a_key_is_shown_nowhere(authority, tmp_path):
    credentials = loaded(tmp_path, authority.give(tmp_path))
    body = (tmp_path / "key.pem").read_bytes().splitlines()[1]
    content = sign(png_of(RECORD), RECORD, credentials)
    assert body.decode() not in repr(credentials)
    assert body not in content


SPOILED = {
    "no key": (lambda f: (f / "key.pem").unlink(), r"visualize\.key .*key\.pem cannot be read \(no such file\)"),
    "a folder": (lambda f: ((f / "key.pem").unlink(), (f / "key.pem").mkdir()), "cannot be read"),
    "no PEM": (lambda f: (f / "chain.pem").write_text("x"), r"visualize\.certificate .* holds no certificate as PEM"),
    "key no PEM": (lambda f: (f / "key.pem").write_text("x"), r"visualize\.key .* holds no private key as PEM"),
    "empty": (lambda f: (f / "chain.pem").write_text(""), "holds no certificate"),
    "large": (lambda f: (f / "chain.pem").write_bytes(b"x" * (2**20 + 1)), "more than 1,048,576 bytes"),
    "other key": (lambda f: (f / "key.pem").write_bytes(key_pem(new_key())), "is no pair with"),
    "order": (
        lambda f: (f / "chain.pem").write_bytes(b"-----BEGIN".join(reversed_parts((f / "chain.pem").read_bytes()))),
        "is no pair with",
    ),
}


def reversed_parts(pem):
    first, second = pem.split(b"-----BEGIN")[1:]
    return [b"", second, first]


@pytest.mark.parametrize("how", SPOILED)
def test_files_that_are_no_pair_are_refused_with_one_line(authority, tmp_path, how):
    named = authority.give(tmp_path)
    spoil, says = SPOILED[how]
    spoil(tmp_path)
    with pytest.raises(ConfigError, match=says) as told:
        loaded(tmp_path, named)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"from_days": -30, "to_days": -2}, r"expired on \d{4}-\d\d-\d\d \(Shop drawings\)"),
        ({"from_days": 2}, "holds only from"),
        ({"purpose": ExtendedKeyUsageOID.SERVER_AUTH}, "cannot sign .*wanted one as C2PA asks for"),
        ({"password": b"secret"}, "locked by a password"),
        ({"key": ec.generate_private_key(ec.SECP256K1())}, "of a kind that C2PA does not sign with"),
        ({"key": rsa.generate_private_key(65537, 1024)}, "cannot sign"),
    ],
)
def test_certificates_that_cannot_sign_are_refused_before_anything_is_drawn(authority, tmp_path, options, says):
    with pytest.raises(ConfigError, match=says) as told:
        loaded(tmp_path, authority.give(tmp_path, **options))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("given", ["certificate", "key"])
def test_half_a_pair_is_refused(authority, tmp_path, given):
    named = authority.give(tmp_path)
    with pytest.raises(ConfigError, match=f"visualize.{given} is set and visualize"):
        loaded(tmp_path, {given: named[given]})


def test_a_certificate_that_ends_while_a_server_runs_signs_no_more(authority, tmp_path):
    credentials = loaded(tmp_path, authority.give(tmp_path))
    key = new_key()
    old = certificate(key, authority.key, from_days=-30, to_days=-2)
    ended = replace(credentials, certificates=certificate_pem(old).decode(), key=key_pem(key))
    with pytest.raises(InputError, match="cannot be signed by 'Shop drawings'"):
        sign(png_of(RECORD), RECORD, ended)


def test_threads_sign_at_once(authority, tmp_path):
    credentials = loaded(tmp_path, authority.give(tmp_path))
    records = [replace(RECORD, seed=seed) for seed in range(24)]
    with ThreadPoolExecutor(4) as threads:
        signed = list(threads.map(lambda record: sign(png_of(record), record, credentials), records))
    assert [read_signature(content).record["seed"] for content in signed] == list(range(24))


def test_text_of_others_can_be_signed(authority, tmp_path):
    record = replace(RECORD, title='half \ud83d, "quoted" \x00\n灯', scene="\udfff", item_id="\u202eabc")
    found = read_signature(sign(png_of(record), record, loaded(tmp_path, authority.give(tmp_path))))
    assert found.covers_file
    assert VisualRecord.from_json(found.record) == VisualRecord.from_text(record.to_text())


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused_with_one_line(content):
    with pytest.raises(InputError, match="manifest cannot be read") as told:
        read_signature(content)
    assert "\n" not in str(told.value)


def test_anchors_that_cannot_be_read_are_refused(authority, tmp_path):
    content = sign(png_of(RECORD), RECORD, loaded(tmp_path, authority.give(tmp_path)))
    with pytest.raises(ConfigError, match=r"--trust .*none\.pem cannot be read"):
        read_signature(content, tmp_path / "none.pem")
    (tmp_path / "text.pem").write_text("text")
    with pytest.raises(ConfigError, match=r"--trust .* holds no certificate"):
        read_signature(content, tmp_path / "text.pem")
