"""A proxy before a real streakd that adds one fault, which the harness must find."""

import contextlib
import importlib
import os
import pkgutil
from concurrent import futures

import grpc
from google.rpc import error_details_pb2, status_pb2
from streak.v1 import account_pb2, session_pb2, streak_pb2, sync_pb2

MODULES = [importlib.import_module(f"streak.v1.{module.name}")
           for module in pkgutil.iter_modules(importlib.import_module("streak.v1").__path__) if module.name.endswith("_pb2")]
SERVICES = [service for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()]


class Refused(Exception):
    """A status that is not OK, with its details."""

    def __init__(self, code, message="", details=b""):
        self.code, self.message, self.details = code, message, details


class Upstream:
    """Data for the faults: the real server, and earlier requests and replies."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.tokens = []
        self.replies = {}

    def call(self, method, request, metadata):
        try:
            return self.channel.unary_unary(method)(request, metadata=metadata, timeout=60)
        except grpc.RpcError as error:
            details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
            raise Refused(error.code(), error.details(), details) from None

    def note(self, metadata):
        if metadata and metadata not in self.tokens:
            self.tokens.append(metadata)


# Each fault: (upstream, method's name, path, request, metadata) -> reply. `honest` passes the call
# on without a fault.

def honest(upstream, name, path, request, metadata):
    return upstream.call(path, request, metadata)


def wrong_status(upstream, name, path, request, metadata):
    """Broken rules are FAILED_PRECONDITION."""
    try:
        return upstream.call(path, request, metadata)
    except Refused as refused:
        if name == "PutHabit" and refused.code == grpc.StatusCode.INVALID_ARGUMENT:
            refused.code = grpc.StatusCode.FAILED_PRECONDITION
        raise


def missing_rule(upstream, name, path, request, metadata):
    """Notes may be of any length."""
    if name == "RecordCompletion":
        with contextlib.suppress(Exception):
            message = streak_pb2.RecordCompletionRequest.FromString(request)
            if len(message.note.encode()) > 4096:
                message.note = message.note[:4096]
                request = message.SerializeToString()
    return upstream.call(path, request, metadata)


def missing_authentication(upstream, name, path, request, metadata):
    """A caller without credentials is taken for the first person."""
    if name == "ListHabits" and not metadata:
        metadata = upstream.tokens[0]
    return upstream.call(path, request, metadata)


def leaked_data(upstream, name, path, request, metadata):
    """One person's habits are shown to another."""
    if name == "ListHabits":
        others = [token for token in upstream.tokens if token != metadata]
        upstream.call(path, request, metadata)
        return upstream.call(path, request, others[-1] if others else metadata)
    return upstream.call(path, request, metadata)


def lost_idempotency_key(upstream, name, path, request, metadata):
    """The key that makes repeated sign-ups one is ignored."""
    if name == "StartSession":
        with contextlib.suppress(Exception):
            message = session_pb2.StartSessionRequest.FromString(request)
            if 16 <= len(message.idempotency_key) <= 64:
                message.idempotency_key = os.urandom(16)
                request = message.SerializeToString()
    return upstream.call(path, request, metadata)


def doubled_effect(upstream, name, path, request, metadata):
    """Sending the same habit again makes another one."""
    if name == "PutHabit" and request in upstream.replies:
        message = streak_pb2.PutHabitRequest.FromString(request)
        message.habit.id = os.urandom(16)
        request = message.SerializeToString()
    reply = upstream.call(path, request, metadata)
    upstream.replies[request] = reply
    return reply


def effect_of_a_refused_call(upstream, name, path, request, metadata):
    """A request that breaks a rule is refused, but stored nevertheless."""
    try:
        return upstream.call(path, request, metadata)
    except Refused as refused:
        if name == "PutHabit" and refused.code == grpc.StatusCode.INVALID_ARGUMENT:
            with contextlib.suppress(Exception):
                message = streak_pb2.PutHabitRequest(habit=dict(id=os.urandom(16), name="stored"))
                upstream.call(path, message.SerializeToString(), metadata)
        raise


def wrong_field_path(upstream, name, path, request, metadata):
    """The path of the field that breaks a rule is incomplete."""
    try:
        return upstream.call(path, request, metadata)
    except Refused as refused:
        status, bad = status_pb2.Status.FromString(refused.details), error_details_pb2.BadRequest()
        for detail in status.details:
            if detail.Unpack(bad):
                for violation in bad.field_violations:
                    violation.field = violation.field.split(".")[-1]
                detail.Pack(bad)
        refused.details = status.SerializeToString()
        raise


def missing_reason(upstream, name, path, request, metadata):
    """Refusals have no details."""
    try:
        return upstream.call(path, request, metadata)
    except Refused as refused:
        refused.details = b""
        raise


def bad_operation_accepted(upstream, name, path, request, metadata):
    """Operations that break a rule are answered as applied."""
    reply = upstream.call(path, request, metadata)
    if name == "Sync":
        message = sync_pb2.SyncResponse.FromString(reply)
        for outcome in message.outcomes:
            outcome.status, outcome.reason = 1, 0
        reply = message.SerializeToString()
    return reply


def good_operation_rejected(upstream, name, path, request, metadata):
    """One bad operation makes its neighbours fail as well."""
    reply = upstream.call(path, request, metadata)
    if name == "Sync":
        message = sync_pb2.SyncResponse.FromString(reply)
        if any(outcome.reason for outcome in message.outcomes):
            for outcome in message.outcomes:
                outcome.status, outcome.reason = 3, 1
        reply = message.SerializeToString()
    return reply


def token_outlives_sign_out(upstream, name, path, request, metadata):
    """Signing out is answered but not carried out."""
    if name == "SignOut" and metadata:
        return account_pb2.SignOutResponse(devices_signed_out=1).SerializeToString()
    return upstream.call(path, request, metadata)


def limit_too_low(upstream, name, path, request, metadata):
    """The largest page is refused."""
    if name == "ListHabits":
        with contextlib.suppress(ValueError, TypeError):
            message = None
            with contextlib.suppress(Exception):
                message = streak_pb2.ListHabitsRequest.FromString(request)
            if message is not None and message.page_size == 1000:
                message.page_size = 1001
                request = message.SerializeToString()
    return upstream.call(path, request, metadata)


def unknown_fields_refused(upstream, name, path, request, metadata):
    """A client that is newer than the server is refused."""
    if name == "GetStreak" and b"unknown" in request:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "unknown field")
    return upstream.call(path, request, metadata)


def malformed_accepted(upstream, name, path, request, metadata):
    """Bytes that are not a message are taken for the empty one."""
    try:
        return upstream.call(path, request, metadata)
    except Refused as refused:
        if name == "ListHabits" and "decoded" in refused.message:
            return upstream.call(path, b"", metadata)
        raise


@contextlib.contextmanager
def faulty_proxy(address, fault):
    """The address of a proxy before `address` with one fault."""
    upstream = Upstream(address)

    def handler(path, name):
        def handle(request, context):
            metadata = tuple((key, value) for key, value in context.invocation_metadata() if key == "authorization")
            try:
                reply = fault(upstream, name, path, request, metadata)
                upstream.note(metadata)
                return reply
            except Refused as refused:
                if refused.details:
                    context.set_trailing_metadata((("grpc-status-details-bin", refused.details),))
                context.abort(refused.code, refused.message)
        return grpc.unary_unary_rpc_method_handler(handle)

    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    for service in SERVICES:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, {
            method.name: handler(f"/{service.full_name}/{method.name}", method.name) for method in service.methods}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
        upstream.channel.close()
