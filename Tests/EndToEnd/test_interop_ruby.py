"""gRPC's official interop client in Ruby, from Debian, with our runtime's interop server.

Runs only where `scripts/check` has installed it: STREAKD_INTEROP_RUBY is the path of its program.
"""

import os
import subprocess

import pytest

# All of its cases, except those that need Google's credentials.
CASES = ["empty_unary", "large_unary", "client_compressed_unary", "client_streaming", "client_compressed_streaming", "server_streaming",
         "ping_pong", "empty_stream", "custom_metadata", "status_code_and_message", "unimplemented_method", "unimplemented_service",
         "cancel_after_begin", "cancel_after_first_response", "timeout_on_sleeping_server"]


@pytest.mark.parametrize("case", CASES)
def test_official_client(interop_address, case):
    host, port = interop_address.split(":")
    run = subprocess.run(
        ["ruby", os.environ["STREAKD_INTEROP_RUBY"], "--server_host", host, "--server_port", port, "--use_tls", "false", "--test_case", case],
        capture_output=True, text=True, timeout=60)
    assert run.returncode == 0 and f"OK: {case}" in run.stdout, run.stdout + run.stderr
