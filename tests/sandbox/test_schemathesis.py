"""schemathesis on the sandbox: no failure of the server, and no answer outside the contract, whatever is asked."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from nanobanana_sandbox.contract import operations
from schemathesis.specs.openapi.checks import positive_data_acceptance

# The sandbox may refuse what a schema cannot say: blank prompts, bytes that are no picture, turns out of order.
UNSAID = [positive_data_acceptance]
schema = schemathesis.openapi.from_path("openapi.yaml").include(
    operation_id=[operation.definition["operationId"] for operation in operations() if operation.wire]
)


@pytest.mark.filterwarnings("ignore")
@schema.parametrize()
@settings(
    max_examples=int(os.environ.get("NANOBANANA_EXAMPLES", "150")) // 3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_sandbox_keeps_to_the_contract(case: Any, nanobanana_sandbox: str) -> None:
    """Requests made from the contract, right and wrong ones, get answers that the contract has."""
    case.call_and_validate(
        base_url=nanobanana_sandbox, headers={"Authorization": "Bearer sk-fuzz"}, excluded_checks=UNSAID
    )
