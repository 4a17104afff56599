"""Requests made to break it: by the schema's own generator, and by a list of tricks."""

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serve_worlds import script, serving

QUICKLY = hypothesis.settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def guarded(shop, tmp_path_factory):
    """A server that asks for keys."""
    with serving(shop, tmp_path_factory.mktemp("hostile"), is_open=False) as running:
        yield running


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_route_keeps_to_its_schema(guarded, mode):
    """All of schemathesis' checks but one: sound JSON may still name an item or a model that does not exist."""
    schema = schemathesis.openapi.from_url(f"{guarded.url}/openapi.json")
    _, secret = guarded.store.create_key("hostile", ["admin"])
    headers = {"Authorization": f"Bearer {secret}"}
    labels = []
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.POSITIVE and operation.path == "/v1/images/generations":
            continue  # sound drawings take long and have tests of their own

        @QUICKLY
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def keeps_to_it(case):
            header = case.meta.components.get(ParameterLocation.HEADER)
            hypothesis.assume(header is None or header.mode.is_positive)  # the key is sent whatever is generated
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance], timeout=300)

        try:
            keeps_to_it()
        except hypothesis.errors.Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # nothing can be wrong where nothing is given
            continue
        labels.append(operation.label)
    assert len(labels) >= 10


def test_spoiled_requests_get_no_5xx_and_smuggle_nothing(server):
    fuzzing = script("fuzz_requests")
    port = int(server.url.rpartition(":")[2])
    findings = fuzzing.fuzz(port, 300, seed=11)
    assert findings.wrong == []
    assert sum(count for status, count in findings.statuses.items() if 400 <= status < 500) > 150
    assert fuzzing.smuggled(port) == []
    assert server.http.get("/ready").status_code == 200
