"""Certificates and keys made on the spot: an authority, and certificates below it of every kind that is tried."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PKCS8, OPENSSL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
SIGNER = "Shop drawings"


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    key, issuer_key, *, name=SIGNER, issuer="Shop CA", is_authority=False, from_days=-1, to_days=30, purpose=None
):
    """As C2PA asks for, unless told otherwise."""
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder(_name(issuer), _name(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=from_days))
        .not_valid_after(now + timedelta(days=to_days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority, key_cert_sign=is_authority, crl_sign=is_authority, **usage
            ),
            critical=True,
        )
    )
    if not is_authority:
        purposes = [purpose or ExtendedKeyUsageOID.EMAIL_PROTECTION]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(issuer_key, None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _name(common_name):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A shop"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def certificate_pem(*certificates):
    return b"".join(entry.public_bytes(Encoding.PEM) for entry in certificates)


def key_pem(key, form=PKCS8, password=None):
    lock = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, form, lock)


class Authority:
    """Who gives certificates: `give(folder)` writes a pair and returns the settings that name it."""

    def __init__(self):
        self.key = new_key()
        self.certificate = certificate(self.key, self.key, name="Shop CA", is_authority=True)

    def give(self, folder, *, key=None, form=PKCS8, password=None, **options):
        key = key or new_key()
        own = certificate(key, self.key, **options)
        (folder / "chain.pem").write_bytes(certificate_pem(own, self.certificate))
        (folder / "key.pem").write_bytes(key_pem(key, form, password))
        (folder / "ca.pem").write_bytes(certificate_pem(self.certificate))
        return {"certificate": "chain.pem", "key": "key.pem"}
