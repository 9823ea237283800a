"""Reverse proxies in front of a server: nginx, and Envoy with its gRPC-Web translator."""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import urllib.request

from server import wait_until

ENVOY = pathlib.Path(sys.executable).parent / "envoy"
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream streakd {{
    server {upstream};
    keepalive 1;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://streakd;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_buffering off;
    }}
  }}
}}
"""


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True


@contextlib.contextmanager
def nginx(folder, upstream):
    """nginx's address; one process, which keeps one connection to `upstream`."""
    port = _free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
    with (folder / "nginx.log").open("w") as log:
        process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or _answers(port))
        assert process.poll() is None, (folder / "nginx.log").read_text()
        yield f"127.0.0.1:{port}"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def _listener(name, filters):
    router = {"name": "envoy.filters.http.router",
              "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name, "codec_type": "AUTO", "http_filters": [*filters, router],
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}]}]}}
    return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}


def _cluster(name, upstream, protocol):
    host, port = upstream.split(":")
    options = {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
               "explicit_http_config": {protocol: {}}}
    endpoint = {"address": {"socket_address": {"address": host, "port_value": int(port)}}}
    return {"name": name, "type": "STATIC", "connect_timeout": "5s",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]}}


def envoy_configuration(upstream):
    """`translator` makes gRPC over HTTP/2 of gRPC-Web; `plain` passes HTTP/1.1 on."""
    translator = {"name": "envoy.filters.http.grpc_web",
                  "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"}}
    return {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "static_resources": {
                "listeners": [_listener("translator", [translator]), _listener("plain", [])],
                "clusters": [_cluster("translator", upstream, "http2_protocol_options"), _cluster("plain", upstream, "http_protocol_options")]}}


@contextlib.contextmanager
def envoy(folder, upstream):
    """The addresses of Envoy's two listeners, by name, and its process id under `pid`."""
    (folder / "envoy.json").write_text(json.dumps(envoy_configuration(upstream)))
    place = folder / "envoy.admin"
    with (folder / "envoy.log").open("w") as log:
        process = subprocess.Popen(
            [str(ENVOY), "-c", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
             "--admin-address-path", str(place)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def listeners():
        assert process.poll() is None, (folder / "envoy.log").read_text()
        with contextlib.suppress(OSError):
            text = opener.open(f"http://{place.read_text()}/listeners", timeout=10).read().decode()
            found = dict(re.findall(r"^(\w+)::(\S+)$", text, flags=re.M))
            return found if {"translator", "plain"} <= set(found) else None

    try:
        yield {**wait_until(listeners), "pid": process.pid}
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
