#!/bin/bash
# The endpoint of an S3 store that a program gives explicitly is overruled by an environment variable.
#
# Seen with obstore 0.12.1 on 28 November 2026.
# `S3Store(bucket, endpoint=A)` asks A, unless AWS_ENDPOINT_URL_S3 is set in the environment: then it
# asks that server, and says nothing. The same value given under the key `aws_endpoint_url_s3` wins over
# the variable. A guess would be that an argument goes before the environment, as it does for AWS_ENDPOINT
# and AWS_ENDPOINT_URL, so that one process can read from one server and write to another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check obstore==0.12.1
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import obstore
from obstore.store import S3Store


class Server(HTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.url.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


argument, variable = Server(), Server()
common = {"region": "us-east-1", "skip_signature": True, "client_options": {"allow_http": True}}
names = {argument.url: "argument", variable.url: "variable"}


def asked(name, **options):
    for known in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        os.environ.pop(known, None)
    os.environ[name] = variable.url
    store = S3Store("bucket", **common, **options)
    return names[bytes(obstore.get(store, "key").bytes()).decode()]


seen = [
    ("AWS_ENDPOINT against endpoint=", asked("AWS_ENDPOINT", endpoint=argument.url)),
    ("AWS_ENDPOINT_URL against endpoint=", asked("AWS_ENDPOINT_URL", endpoint=argument.url)),
    ("AWS_ENDPOINT_URL_S3 against endpoint=", asked("AWS_ENDPOINT_URL_S3", endpoint=argument.url)),
    (
        "AWS_ENDPOINT_URL_S3 against config",
        asked("AWS_ENDPOINT_URL_S3", config={"aws_endpoint_url_s3": argument.url}),
    ),
]
for what, winner in seen:
    print(f"{what:<40} {winner}")
sys.exit([winner for _, winner in seen] != ["argument", "argument", "variable", "argument"])
PYTHON
