"""Who made a picture, signed: C2PA manifests, put into PNGs and read from them.

Knows certificates, keys, manifests and what they say; deliberately knows no pixels, which are the file's, and asks
nobody on the network: no manifest that lies elsewhere is fetched, no revocation asked for, no time stamped.
"""

# C2PA 2.4: https://spec.c2pa.org/specifications/specifications/2.4/specs/C2PA_Specification.html

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from genrec import __version__
from genrec.config import VisualizeConfig
from genrec.errors import ConfigError, InputError
from genrec.visualize.record import GENERATED, Ingredient, Signer, VisualRecord

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

JsonObject: TypeAlias = Mapping[str, Any]  # Any: JSON
RECORD_LABEL = "genrec.visual"  # of the assertion that holds the record
_PNG = "image/png"
_MAX_BYTES = 2**20  # of a certificate or key file
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_OFFLINE: JsonObject = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    "builder": {"thumbnail": {"enabled": False}},
}
_FIT = (
    "wanted one as C2PA asks for: key usage digitalSignature, an extended key usage such as emailProtection, an "
    "authority key identifier, and a key of P-256, P-384, P-521, Ed25519, or RSA of 2,048 bits and up"
)
_ONE_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fe0def46b8"
    "0000000049454e44ae426082"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate with those above it, and its key (both PEM), as they sign; the key is shown nowhere."""

    signer: Signer
    certificates: str
    key: bytes = field(repr=False)
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What the manifest in a picture says, and whether it holds.

    trust: trusted (by an anchor that was given), unknown (sound, but nobody here vouches for the signer) or broken (the
    manifest itself was changed, or its certificate did not hold). covers_file: whether the file is, byte by byte, what
    was signed. record: what genrec said in it, None where somebody else signed. faults: what does not hold, in words.
    """

    signer: str
    trust: Literal["trusted", "unknown", "broken"]
    covers_file: bool
    record: JsonObject | None
    source_types: tuple[str, ...]
    faults: tuple[str, ...]


def load_credentials(config: VisualizeConfig, workspace: Path) -> Credentials | None:
    """The certificate and key that the settings name, tried by signing a pixel; None where none is named.

    Paths are as seen from the workspace's folder. Nothing is copied. Raises ConfigError where one of them is missing,
    cannot be read, is no pair with the other, holds no more or is none that C2PA lets sign.
    """
    if config.certificate is None and config.key is None:
        return None
    if config.certificate is None or config.key is None:
        have, lacks = ("key", "certificate") if config.certificate is None else ("certificate", "key")
        raise ConfigError(f"visualize.{have} is set and visualize.{lacks} is not; set both, or neither to sign nothing")
    certificate_path, key_path = workspace / config.certificate, workspace / config.key
    chain = _read_chain(certificate_path)
    key, algorithm = _read_key(key_path)
    if _public(chain[0].public_key()) != _public(key.public_key()):
        raise ConfigError(
            f"visualize.key {key_path} is no pair with visualize.certificate {certificate_path}; give the key that its "
            "first certificate was made for"
        )
    credentials = _credentials(chain, key, algorithm)
    try:
        _sign(
            _ONE_PIXEL, _manifest("a trial", [{"action": "c2pa.created", "digitalSourceType": GENERATED}]), credentials
        )
    except InputError as error:
        raise ConfigError(f"visualize.certificate {certificate_path} cannot sign ({error}); {_FIT}") from error
    return credentials


def sign(png: bytes, record: VisualRecord, credentials: Credentials) -> bytes:
    """The PNG with a manifest: what was done to which pictures, and the whole record, signed. Raises InputError."""
    record = VisualRecord.from_json(record.to_json())  # as files can hold it
    actions, ingredients = _history(record)
    said = {"label": RECORD_LABEL, "kind": "Json", "data": record.to_json()}
    return _sign(png, _manifest(record.title, actions, ingredients, said), credentials)


def read_signature(png: bytes, anchors: Path | None = None) -> Signature | None:
    """What the manifest in a PNG says; None where there is none. anchors: certificates (PEM) of who is trusted.

    Raises InputError where the manifest cannot be read, or the anchors.
    """
    import c2pa

    settings = dict(_OFFLINE)
    if anchors is not None:
        _read_chain(anchors, setting="--trust", is_old_fine=True)
        settings["trust"] = {"trust_anchors": anchors.read_text(encoding="ascii")}
    try:
        with c2pa.Context.from_dict(settings) as context, c2pa.Reader(_PNG, BytesIO(png), context=context) as reader:
            return _signature(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"its manifest cannot be read ({_line(error)}); it was damaged or changed") from error


# ---- what is signed


def _history(record: VisualRecord) -> tuple[list[JsonObject], list[JsonObject]]:
    """C2PA's actions that made the picture, and its ingredients."""
    own = [_ingredient(entry, record) for entry in record.ingredients]
    roles = {entry["label"] for entry in own}
    item = {"parameters": {"ingredientIds": ["item"]}} if "item" in roles else {}
    photo = {"parameters": {"ingredientIds": ["photo"]}}
    source = {"digitalSourceType": record.source_type}
    placed = [{"action": "c2pa.placed", **item}] if item else []
    if record.mode == "variation" and not record.generated:
        return [{"action": "c2pa.opened", **item}, {"action": "c2pa.edited", **source}], own
    if record.mode == "variation":
        return [{"action": "c2pa.created", **source, **item}], own
    if record.mode == "picture":
        return [{"action": "c2pa.opened", **item}], own
    if "photo" in roles:
        return [{"action": "c2pa.opened", **photo}, {"action": "c2pa.edited", **source}, *placed], own
    return [{"action": "c2pa.created", **source}, *placed], own


def _ingredient(entry: Ingredient, record: VisualRecord) -> JsonObject:
    """By its hash alone: neither the picture nor what its maker wrote into it goes along."""
    relations = {"variation": "inputTo" if record.generated else "parentOf", "picture": "parentOf"}
    return {
        "label": entry.role,
        "title": record.title if entry.role == "item" else "a person's photo",
        "format": entry.format,
        "instance_id": f"sha256:{entry.sha256}",
        "relationship": "parentOf" if entry.role == "photo" else relations.get(record.mode, "componentOf"),
    }


def _manifest(
    title: str, actions: Sequence[JsonObject], ingredients: Sequence[JsonObject] = (), *assertions: JsonObject
) -> str:
    return json.dumps(
        {
            "claim_generator_info": [{"name": "genrec", "version": __version__}],
            "title": title,
            "format": _PNG,
            "ingredients": list(ingredients),
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(actions)}}, *assertions],
        }
    )


def _sign(png: bytes, manifest: str, credentials: Credentials) -> bytes:
    import c2pa

    signed = BytesIO()
    try:
        info = c2pa.C2paSignerInfo(
            credentials.algorithm.encode(), credentials.certificates.encode(), credentials.key, None
        )
        with (
            c2pa.Context.from_dict(dict(_OFFLINE)) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder.from_json(manifest, context) as builder,
        ):
            builder.sign(signer, _PNG, BytesIO(png), signed)
    except c2pa.C2paError as error:
        raise InputError(
            f"the picture cannot be signed by {credentials.signer.name!r}: {_line(error)}; mend visualize.certificate, "
            "or set it and visualize.key to none"
        ) from error
    return signed.getvalue()


# ---- certificates and keys


def _read_chain(
    path: Path, setting: str = "visualize.certificate", *, is_old_fine: bool = False
) -> "list[x509.Certificate]":
    from cryptography import x509

    content = _read(path, setting)
    try:
        chain = x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise ConfigError(
            f"{setting} {path} holds no certificate as PEM; wanted -----BEGIN CERTIFICATE-----"
        ) from error
    now = datetime.now(UTC)
    for certificate in () if is_old_fine else chain:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not begins <= now <= ends:
            when = f"expired on {ends:%Y-%m-%d}" if ends < now else f"holds only from {begins:%Y-%m-%d}"
            raise ConfigError(f"{setting} {path} {when} ({_name(certificate)}); give one that holds today")
    return chain


def _read_key(path: Path) -> "tuple[PrivateKeyTypes, str]":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read(path, "visualize.key")
    try:
        key = load_pem_private_key(content, None)
    except TypeError as error:
        raise ConfigError(
            f"visualize.key {path} is locked by a password, which nothing here can ask for; give it without, readable "
            "by this account alone"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"visualize.key {path} holds no private key as PEM; wanted -----BEGIN PRIVATE KEY-----"
        ) from error
    algorithm = _algorithm(key)
    if algorithm is None:
        raise ConfigError(f"visualize.key {path} is of a kind that C2PA does not sign with; {_FIT}")
    return key, algorithm


def _read(path: Path, setting: str) -> bytes:
    try:
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError("no such file")
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{setting} {path} cannot be read ({error.strerror or error}); name a PEM file") from error
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{setting} {path} has more than {_MAX_BYTES:,} bytes; name a PEM file")
    return content


def _algorithm(key: "PrivateKeyTypes") -> str | None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVES.get(key.curve.name)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    return "ps256" if isinstance(key, rsa.RSAPrivateKey) else None


def _credentials(chain: "list[x509.Certificate]", key: "PrivateKeyTypes", algorithm: str) -> Credentials:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Credentials(
        signer=Signer(
            name=_name(chain[0]), certificate=hashlib.sha256(chain[0].public_bytes(Encoding.DER)).hexdigest()
        ),
        certificates="".join(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in chain),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),  # the one form that signs
        algorithm=algorithm,
    )


def _public(key: Any) -> bytes:  # Any: public keys are of many types
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _name(certificate: "x509.Certificate") -> str:
    from cryptography.x509.oid import NameOID

    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := certificate.subject.get_attributes_for_oid(kind):
            return str(found[0].value)
    return certificate.subject.rfc4514_string() or "a certificate without a name"


# ---- what is read


_BINDING, _UNTRUSTED, _TRUSTED = "assertion.dataHash.", "signingCredential.untrusted", "signingCredential.trusted"


def _signature(store: JsonObject) -> Signature:
    """What c2pa's report says of the active manifest, and of those that it builds on."""
    active, results = store["manifests"][store["active_manifest"]], store.get("validation_results", {})
    failures = [entry for part in _parts(results) for entry in part.get("failure", [])]
    broken = [entry for entry in failures if not entry["code"].startswith((_BINDING, _UNTRUSTED))]
    is_trusted = any(entry["code"] == _TRUSTED for entry in results.get("activeManifest", {}).get("success", []))
    said, assertions = active.get("signature_info", {}), active.get("assertions", [])
    record = next((entry["data"] for entry in assertions if entry["label"] == RECORD_LABEL), None)
    return Signature(
        signer=str(said.get("common_name") or said.get("issuer") or "somebody without a name"),
        trust="broken" if broken else "trusted" if is_trusted else "unknown",
        covers_file=not broken and not any(entry["code"].startswith(_BINDING) for entry in failures),
        record=record if isinstance(record, dict) and not broken else None,
        source_types=_source_types(assertions),
        faults=tuple(dict.fromkeys(f"{entry['code']}: {entry.get('explanation', '')}" for entry in broken)),
    )


def _parts(results: JsonObject) -> list[JsonObject]:
    return [
        results.get("activeManifest", {}),
        *(delta.get("validationDeltas", {}) for delta in results.get("ingredientDeltas", [])),
    ]


def _source_types(assertions: Sequence[JsonObject]) -> tuple[str, ...]:
    """IPTC's source types that the actions name, without the address before them."""
    actions = [
        action
        for entry in assertions
        if entry["label"].startswith("c2pa.actions")
        for action in entry["data"].get("actions", [])
    ]
    found = [str(action["digitalSourceType"]).rpartition("/")[2] for action in actions if "digitalSourceType" in action]
    return tuple(dict.fromkeys(found))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
