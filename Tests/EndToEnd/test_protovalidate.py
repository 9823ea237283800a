"""The rules in the schema mean to protovalidate's library what they mean to the server."""

import base64
import importlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

import grpc
import grpc_tools
import pytest
from field_rules import FieldRules
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from person import Person, details
from server import PROJECT
from streak.v1 import annotations_pb2

MESSAGES_OF_METHOD = 12
CREDENTIALS = (annotations_pb2.AUTHENTICATION_NONE, annotations_pb2.AUTHENTICATION_USER)


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    """Made as the comment in validate.proto says, with protovalidate's own file."""
    from protovalidate._gen.buf.validate import validate_pb

    folder = tmp_path_factory.mktemp("protovalidate")
    shutil.copytree(PROJECT / "proto", folder / "proto")
    ours = folder / "proto/streak/v1/validate.proto"
    ours.write_text("\n".join(re.findall(r"^//     (.*)$", ours.read_text(), re.MULTILINE)))
    file = validate_pb._DESC.proto.to_binary()
    length, count = bytearray(), len(file)
    while count > 127:
        length.append(count & 127 | 128)
        count >>= 7
    (folder / "theirs").write_bytes(b"\x0a" + bytes(length) + bytes([count]) + file)
    output = folder / "stubs"
    output.mkdir()
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={folder}/theirs", "-I.",
         f"-I{pathlib.Path(grpc_tools.__file__).parent}/_proto", f"--python_out={output}", "buf/validate/validate.proto",
         *[f"streak/v1/{file.name}" for file in (folder / "proto/streak/v1").glob("*.proto")]],
        check=True, cwd=folder / "proto")
    return output


def methods():
    """Those of people and strangers that take one request."""
    for file in sorted((PROJECT / "proto/streak/v1").glob("*.proto")):
        module = importlib.import_module(f"streak.v1.{file.stem}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                policy = method.GetOptions().Extensions[annotations_pb2.policy]
                if policy.authentication in CREDENTIALS and not method.client_streaming and not policy.connect_only:
                    yield method


def value(field, rules, source):
    """One at the edge of the rules, or beyond it."""
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        least, most = (16, 16) if rules.uuid else (rules.min_bytes, rules.max_bytes)
        count = source.choice([0, 1, max(0, least - 1), least, most, most + 1 if most < 10_000 else most])
        return "x" * count if field.type == FieldDescriptor.TYPE_STRING else bytes(count)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return source.choice([False, True])
    if field.type == FieldDescriptor.TYPE_ENUM:
        return source.choice([0, 1, 4711])
    least, most = rules.minimum or 0, rules.maximum or 0
    lowest = 0 if field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64) else -1 << 31
    return source.choice([0, 1, least, most, max(least - 1, lowest), most + 1 if most < 1 << 31 else most])


def fill(message, source, depth=0):
    for field in message.DESCRIPTOR.fields:
        if source.random() < 0.3:
            continue
        rules = FieldRules(field)
        if field.is_repeated:
            for _ in range(source.randrange(3)):
                if field.type == FieldDescriptor.TYPE_MESSAGE:
                    fill(getattr(message, field.name).add(), source, depth + 1)
                else:
                    getattr(message, field.name).append(value(field, rules, source))
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth < 4:
                getattr(message, field.name).SetInParent()
                fill(getattr(message, field.name), source, depth + 1)
        else:
            setattr(message, field.name, value(field, rules, source))
    return message


def refused(person, method, request, again=True):
    """The paths that the server's rules refuse, or none."""
    path, serialize, read = f"/{method.containing_service.full_name}/{method.name}", type(request).SerializeToString, bytes
    try:
        if method.server_streaming:
            next(person.channel.unary_stream(path, serialize, read)(request, metadata=person.metadata, timeout=30), None)
        else:
            person.channel.unary_unary(path, serialize, read)(request, metadata=person.metadata, timeout=30)
    except grpc.RpcError as error:
        policy = method.GetOptions().Extensions[annotations_pb2.policy]
        if again and error.code() == grpc.StatusCode.UNAUTHENTICATED and policy.authentication == annotations_pb2.AUTHENTICATION_USER:
            # An earlier request may have ended the credentials.
            person.email, person.device.device_id = f"{os.urandom(8).hex()}@example.com", os.urandom(16)
            person.sign_up()
            return refused(person, method, request, again=False)
        information, violations = details(error)
        if (information.reason, information.domain) == ("INVALID_FIELD", "rpc"):
            return sorted({violation.field for violation in violations})
    return []


def test_the_library_refuses_what_the_server_refuses(stubs, server):
    seed = random.randrange(1 << 32)
    source = random.Random(seed)
    cases = []
    for method in methods():
        for number in range(MESSAGES_OF_METHOD):
            message = message_factory.GetMessageClass(method.input_type)()
            cases.append((method, fill(message, source) if number else message))
    lines = "".join(f"{message.DESCRIPTOR.full_name} {base64.b64encode(message.SerializeToString()).decode()}\n" for _, message in cases)
    judge = pathlib.Path(__file__).parent / "support/protovalidate_judge.py"
    judged = subprocess.run([sys.executable, str(judge), str(stubs)], input=lines, capture_output=True, text=True, check=True).stdout
    broken = 0
    with Person(server) as person:
        person.sign_up()
        for (method, message), line in zip(cases, judged.splitlines(), strict=True):
            expected = sorted(set(json.loads(line)))
            assert refused(person, method, message) == expected, (seed, method.full_name, message)
            broken += bool(expected)
    assert broken > len(cases) // 4 and broken < len(cases), seed
