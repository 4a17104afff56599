"""Where addresses of stores come from, and that no password of one is ever shown."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from genrec.errors import StoreError
from genrec.serve.store import Store
from genrec.serve.store.address import STORE_VARIABLE, chosen_address, redacted

SECRET = "hunter2"
WITH_PASSWORD = [
    f"postgresql://ann:{SECRET}@127.0.0.1:1/none",
    f"postgres://ann:{SECRET}@127.0.0.1:1/none",
    f"postgresql://127.0.0.1:1/none?user=ann&password={SECRET}",
    f"postgresql://127.0.0.1:1/none?sslpassword={SECRET}&user=ann",
    f"postgresql://ann:{SECRET}@127.0.0.1:{SECRET}/none",
    f"postgresql://ann:{SECRET}",
    f"postgresql://ann:{SECRET}@{SECRET}@127.0.0.1:1/none",
    f"postgresql://ann:a/b{SECRET}@127.0.0.1:1/none",
    f"postgresql:/ann:{SECRET}@127.0.0.1/none",
    f"ann:{SECRET}@127.0.0.1/none",
    f"host=127.0.0.1 password={SECRET} user=ann",
    f"nonsense-{SECRET}",
    f"nosuchbase://ann:{SECRET}@127.0.0.1/none",
    f"postgresql+nodriver://ann:{SECRET}@127.0.0.1/none",
    f"sqlite+pysqlcipher://:{SECRET}@/x.db",
    f"sqlite:///ann:{SECRET}@nowhere/store.db",
    f"sqlite:////nowhere/ann:a/b{SECRET}@x/store.db",
    f"postgresql://[::1:{SECRET}@127.0.0.1/none",
    f"postgresql://ann:{SECRET}@127.0.0.1:1/none?password=\n{SECRET}",
]


@pytest.mark.parametrize("address", WITH_PASSWORD)
def test_no_message_shows_a_password_not_even_that_of_a_malformed_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used") as caught:
        Store.open(address, tmp_path)
    error: BaseException | None = caught.value
    assert "\n" not in str(error)
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert SECRET not in redacted(address)


def test_an_address_keeps_what_helps_to_find_the_store() -> None:
    assert redacted(f"postgresql://ann:{SECRET}@db:5432/shop") == "postgresql://ann:***@db:5432/shop"
    assert redacted("postgresql://ann@db/shop?host=/run") == "postgresql://ann@db/shop?host=/run"
    assert redacted("sqlite:////a@b/c:d/store.db") == "sqlite:////a@b/c:d/store.db"


def test_an_address_comes_from_the_option_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    assert chosen_address(None) is None
    monkeypatch.setenv(STORE_VARIABLE, "")
    assert chosen_address(None) is None
    monkeypatch.setenv(STORE_VARIABLE, f"postgresql://ann:{SECRET}@db/shop")
    assert chosen_address(None) == f"postgresql://ann:{SECRET}@db/shop"
    (tmp_path / "address").write_text(f"postgresql://bob:{SECRET}@db/shop\n")
    assert chosen_address(f"@{tmp_path / 'address'}") == f"postgresql://bob:{SECRET}@db/shop"
    assert chosen_address("sqlite:////x/store.db") == "sqlite:////x/store.db"


@pytest.mark.parametrize(("content", "message"), [(None, "No such file"), ("", "no line"), ("a\nb\n", "more than one")])
def test_a_file_that_holds_no_address_is_told_in_one_line(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "address"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StoreError, match=message) as caught:
        chosen_address(f"@{file}")
    assert "\n" not in str(caught.value)


def test_a_password_on_the_command_line_is_warned_of_and_nothing_else_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        chosen_address("postgresql://ann@db/shop")
        chosen_address("sqlite:////x/store.db")
        assert caplog.messages == []
        for address in WITH_PASSWORD[:4]:
            assert chosen_address(address) == address
    assert len(caplog.messages) == 4
    assert all("GENREC_STORE" in message and SECRET not in message for message in caplog.messages)


def test_the_command_line_takes_the_environments_store_and_shows_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, f"sqlite:///{tmp_path / 'elsewhere.db'}")
    words = [sys.executable, "-m", "genrec.cli", "keys", "list", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "elsewhere.db").exists()
    address = f"postgresql://ann:{SECRET}@127.0.0.1:1/none"
    done = subprocess.run([*words, "--store", address], capture_output=True, text=True, timeout=300)
    warning, error = done.stderr.splitlines()
    assert done.returncode == 2
    assert "password" in warning
    assert error.startswith("StoreError: the store postgresql://ann:***@127.0.0.1:1/none cannot be used")
    assert SECRET not in done.stderr + done.stdout
