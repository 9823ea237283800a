"""An HTTP/2 client that sends given frames, by the stock library h2."""

import socket
import struct

import h2.config
import h2.connection
import h2.events

HEALTH = "/grpc.health.v1.Health/Check"


class RawClient:
    """An HTTP/2 client that sends given frames."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(
            header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False))
        self.connection.initiate_connection()
        self.flush()
        self.events, self.closed = [], False

    def flush(self):
        data = self.connection.data_to_send()
        if data:
            self.socket.sendall(data)

    def headers(self, path, extra=(), content_type="application/grpc", replaced=(), end=False):
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test", "te": "trailers",
                  "content-type": content_type}
        fields.update(replaced)
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, [*fields.items(), *extra], end_stream=end)
        self.flush()
        return stream

    def receive(self):
        """Processes received frames; waits for at least one."""
        try:
            data = self.socket.recv(65_536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.connection.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.ConnectionTerminated):
                self.closed = True
            if isinstance(event, h2.events.DataReceived):
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        try:
            self.flush()
        except (ConnectionResetError, BrokenPipeError):
            self.closed = True

    def ended(self, stream):
        return any(isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset))
                   and event.stream_id == stream for event in self.events)

    def send(self, stream, data, end=True):
        """Sends as far as the windows allow, until the server stops reading."""
        position = 0
        try:
            while position < len(data) and not self.ended(stream) and not self.closed:
                room = min(self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size)
                if room == 0:
                    self.receive()
                    continue
                self.connection.send_data(stream, data[position:position + room])
                position += room
                self.flush()
            if end and not self.ended(stream) and not self.closed:
                self.connection.end_stream(stream)
                self.flush()
        except (ConnectionResetError, BrokenPipeError):
            pass  # frames that the server sent before are still to be read

    def answer(self, stream):
        """The response's headers and trailers together; a reset's code under "reset"."""
        while not self.ended(stream) and not self.closed:
            self.receive()
        fields = {}
        for event in self.events:
            if getattr(event, "stream_id", None) != stream:
                continue
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                fields.update(event.headers)
            if isinstance(event, h2.events.StreamReset):
                fields["reset"] = int(event.error_code)
        return fields

    def call(self, path, body, extra=(), **options):
        stream = self.headers(path, extra, **options)
        self.send(stream, body)
        return self.answer(stream)

    def check_alive(self):
        """Another call on this connection works."""
        assert self.call(HEALTH, frame(b""))["grpc-status"] == "0"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def frame(message, flag=0, length=None):
    return struct.pack(">BI", flag, len(message) if length is None else length) + message


def status_of(code):
    return str(code.value[0])
