"""The details of refusals."""

import grpc
import pytest
from person import details


def refusal(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return caught.value.code(), details(caught.value)[0].reason


def reason(call, *arguments, **options):
    return refusal(call, *arguments, **options)[1]


def full_refusal(call, *arguments, **options):
    """The status's name, the reason, and the fields that break a rule."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    information, violations = details(caught.value)
    return caught.value.code().name, information.reason, [violation.field for violation in violations]
