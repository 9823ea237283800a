"""Judges messages by protovalidate's library, as a client of another language has it.

usage: protovalidate_judge.py STUBS; standard input: for each message a line with its full name and its bytes in
base64; standard output: for each a line with the paths that break a rule, as a JSON list."""

import base64
import importlib
import json
import pathlib
import sys

import protovalidate

stubs = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(stubs))
messages = {}
for file in (stubs / "streak/v1").glob("*_pb2.py"):
    module = importlib.import_module(f"streak.v1.{file.stem}")
    for name in module.DESCRIPTOR.message_types_by_name:
        messages[f"streak.v1.{name}"] = getattr(module, name)


def path(violation):
    """As streakd names fields: `entries[3].note`, and a list whose item breaks a rule without the item's number."""
    names = []
    for element in violation.proto.field.elements:
        index = element.subscript.value if element.subscript and element.subscript.field == "index" else None
        names.append((element.field_name, index))
    text = ".".join(name if index is None else f"{name}[{index}]" for name, index in names)
    return text if names[-1][1] is None else text[:text.rindex("[")]


for line in sys.stdin:
    name, encoded = line.split(" ")
    message = messages[name].FromString(base64.b64decode(encoded))
    print(json.dumps([path(violation) for violation in protovalidate.collect_violations(message)]))
