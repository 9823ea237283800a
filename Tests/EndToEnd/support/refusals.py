"""The details of refusals."""

import grpc
import pytest
from person import details


def refusal(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return caught.value.code(), details(caught.value)[0].reason
