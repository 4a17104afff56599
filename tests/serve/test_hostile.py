"""Requests made to break it: by the schema's own generator, and by a list of tricks."""

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serve_worlds import script


@pytest.fixture(scope="module")
def schema(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def drawing_is_left_out(case):
    """Sound drawings take long and have tests of their own; the schema's others are few."""
    return case.operation.path != "/v1/images/generations" or case.meta.generation.mode.is_negative


calls = schemathesis.pytest.from_fixture("schema")


@calls.parametrize()
@hypothesis.settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_every_route_keeps_to_its_schema(case):
    """All of schemathesis' checks but one: sound JSON may still name an item or a model that does not exist."""
    hypothesis.assume(drawing_is_left_out(case))
    case.call_and_validate(excluded_checks=[positive_data_acceptance], timeout=300)


def test_spoiled_requests_get_no_5xx_and_smuggle_nothing(server):
    fuzzing = script("fuzz_requests")
    port = int(server.url.rpartition(":")[2])
    findings = fuzzing.fuzz(port, 300, seed=11)
    assert findings.wrong == []
    assert sum(count for status, count in findings.statuses.items() if 400 <= status < 500) > 150
    assert fuzzing.smuggled(port) == []
    assert server.http.get("/ready").status_code == 200
