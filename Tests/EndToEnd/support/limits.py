"""Limits declared in the schema, and the refusal at one."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from person import details
from streak.v1 import account_pb2, annotations_pb2


def declared(service, method):
    """The method's limit, from the schema itself."""
    descriptor = service.DESCRIPTOR.services_by_name
    name, = [name for name in descriptor if method in descriptor[name].methods_by_name]
    return descriptor[name].methods_by_name[method].GetOptions().Extensions[annotations_pb2.policy].rate_limit


SIGN_INS = declared(account_pb2, "SignIn").per_person.calls


def retry_seconds(error):
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    information = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(information) for detail in status.details)
    return information.retry_delay.seconds


def refused(call, *arguments, **named):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **named)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, caught.value
    assert details(caught.value)[0].reason == "TOO_MANY_REQUESTS"
    return retry_seconds(caught.value)
