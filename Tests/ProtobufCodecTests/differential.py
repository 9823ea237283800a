"""Compares the Swift codec with Google's: reads cases, writes differences and Google's JSON.

usage: differential.py PROTO_FOLDER... CASES ANSWERS CASES: for each message: its bytes; 1 or 0
(accepted by Swift); Swift's canonical bytes; Swift's JSON. Byte strings have a 4-byte length.
ANSWERS: for each message Google's JSON, empty if there is none; differences go to standard output.
"""
import importlib, os, struct, subprocess, sys, tempfile

*folders, cases, answers = sys.argv[1:]
stubs = tempfile.mkdtemp()
subprocess.run(
    [sys.executable, "-m", "grpc_tools.protoc", *["-I" + f for f in folders], "--python_out=" + stubs,
     "codec_test.proto", "streak/v1/validate.proto"], check=True)
sys.path.insert(0, stubs)
AllTypes = importlib.import_module("codec_test_pb2").AllTypes
from google.protobuf import json_format
from google.protobuf.message import DecodeError

data = open(cases, "rb").read()
offset = 0


def take():
    global offset
    (count,) = struct.unpack_from(">I", data, offset)
    offset += 4 + count
    return data[offset - count:offset]


index = 0
out = open(answers, "wb")
while offset < len(data):
    wire, accepted, canonical, text = take(), take() == b"1", take(), take()
    google = AllTypes()
    try:
        google.ParseFromString(wire)
        google.DiscardUnknownFields()
        valid = True
    except DecodeError:
        valid = False
    json = b""
    if valid != accepted:
        # The only intended difference: Swift refuses text with a NUL.
        if not (valid and b"\x00" in wire and canonical == b"NUL"):
            print(f"case {index}: Google {'accepts' if valid else 'refuses'}, Swift does not agree: {wire.hex()}")
    elif valid:
        mine = google.SerializeToString(deterministic=True)
        if google.labels:
            # The format defines no canonical bytes for maps (order, defaults in entries): compare
            # the decoded messages.
            back = AllTypes()
            back.ParseFromString(canonical)
            canonical = back.SerializeToString(deterministic=True)
        if mine != canonical:
            print(f"case {index}: canonical bytes differ: wire {wire.hex()} google {mine.hex()} swift {canonical.hex()}")
        try:
            json = json_format.MessageToJson(google).encode()
        except Exception:
            json = b""
        if json:
            try:
                back = json_format.Parse(text.decode(), AllTypes())
                if back.SerializeToString(deterministic=True) != json_format.Parse(json.decode(), AllTypes()).SerializeToString(deterministic=True):
                    print(f"case {index}: JSON differs: google {json!r} swift {text!r}")
            except Exception as error:
                print(f"case {index}: Google does not read Swift's JSON: {error}: {text!r}")
    out.write(struct.pack(">I", len(json)) + json)
    index += 1
print(f"judged {index}")
