"""Who may ask, and how often."""

from pathlib import Path

import pytest

from genrec.serve.access import Access, RateLimiter
from genrec.serve.errors import ApiError
from genrec.serve.store import Store


@pytest.fixture
def keys(tmp_path: Path) -> Store:
    opened = Store.open(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)
    yield opened
    opened.close()


def refusal(access: Access, authorization: str | None, scope: str = "chat") -> ApiError:
    with pytest.raises(ApiError) as caught:
        access.check(authorization, scope)
    return caught.value


def test_a_rate_holds_a_minutes_worth_and_fills_evenly() -> None:
    now = [100.0]
    limiter = RateLimiter(lambda: now[0])
    assert [limiter.take("a", 3) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", 3) == pytest.approx(20)
    assert limiter.take("b", 3) == 0
    now[0] += 19.9
    assert limiter.take("a", 3) == pytest.approx(0.1)
    now[0] += 0.2
    assert limiter.take("a", 3) == 0
    now[0] += 3600
    assert [limiter.take("a", 3) for _ in range(3)] == [0, 0, 0]
    assert limiter.take("a", 3) > 0


def test_no_rate_is_no_limit() -> None:
    limiter = RateLimiter(lambda: 0.0)
    assert {limiter.take("a", 0) for _ in range(1000)} == {0.0}


def test_processes_that_share_a_rate_allow_no_more_together() -> None:
    limiters = [RateLimiter(lambda: 0.0, num_sharing=4) for _ in range(4)]
    assert sum(limiter.take("a", 8) == 0 for limiter in limiters for _ in range(10)) == 8


def test_a_key_opens_its_scopes_alone(keys: Store) -> None:
    key, secret = keys.create_key("page", ["chat"])
    access = Access(keys, is_open=False)
    assert access.check(f"Bearer {secret}", "chat") == key
    assert access.check(f"bearer  {secret} ", "") == key
    refused = refusal(access, f"Bearer {secret}", "admin")
    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert "has the scopes chat; this needs admin" in refused.message


def test_an_admin_may_do_everything(keys: Store) -> None:
    key, secret = keys.create_key("owner", ["admin"])
    access = Access(keys, is_open=False)
    assert {access.check(f"Bearer {secret}", scope) for scope in ("chat", "recommend", "images", "admin")} == {key}


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {secret}", "{secret}"])
def test_without_a_valid_key_nothing_is_open(keys: Store, authorization: str | None) -> None:
    _, secret = keys.create_key("page", ["chat"])
    given = None if authorization is None else authorization.format(secret=secret)
    refused = refusal(Access(keys, is_open=False), given)
    assert (refused.status, refused.code) == (401, "invalid_api_key")
    assert refused.headers == {"WWW-Authenticate": "Bearer"}
    assert secret not in refused.message


def test_a_revoked_key_is_closed_at_once(keys: Store) -> None:
    key, secret = keys.create_key("page", ["chat"])
    access = Access(keys, is_open=False)
    access.check(f"Bearer {secret}", "chat")
    keys.revoke_key(key.key_id)
    assert refusal(access, f"Bearer {secret}").status == 401


def test_an_open_server_takes_anyone_and_still_holds_keys_to_their_scopes(keys: Store) -> None:
    _, secret = keys.create_key("page", ["chat"])
    access = Access(keys, is_open=True)
    assert access.check(None, "admin") is None
    assert access.check("Bearer anything", "admin") is None
    assert refusal(access, f"Bearer {secret}", "admin").status == 403


def test_a_spent_rate_says_when_to_come_back(keys: Store) -> None:
    _, secret = keys.create_key("page", ["chat"], rate_per_minute=2)
    access = Access(keys, is_open=False)
    access.check(f"Bearer {secret}", "chat")
    access.check(f"Bearer {secret}", "chat")
    refused = refusal(access, f"Bearer {secret}")
    assert (refused.status, refused.kind) == (429, "rate_limit_error")
    assert 25 <= int(refused.headers["Retry-After"]) <= 31
