#!/bin/bash
# A search of pystac-client ends at the first page without items, though that page links to the next.
#
# Seen with pystac-client 0.9.1 on 29 November 2026.
# An API of three pages, of which the second has no item and a link to the third: as of a server that filters
# what is on a page already. STAC API says of the link `next` alone that there is more. `items()`,
# `pages()` and `pages_as_dicts()` give the item of the first page and no word; followed by hand, the links give
# both items. Where the first page is the empty one, nothing is found at all.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pystac-client==0.9.1 pystac==1.15.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import http.server
import json
import threading
import urllib.request
from importlib.metadata import version

from pystac_client import Client


def item(name):
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "c", "links": [],
        "geometry": {"type": "Point", "coordinates": [0, 0]}, "bbox": [0, 0, 0, 0], "assets": {},
        "properties": {"datetime": "2024-06-01T00:00:00Z"},
    }


PAGES = [[item("first")], [], [item("last")]]


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        base = f"http://127.0.0.1:{self.server.server_port}"
        search = {"rel": "search", "href": f"{base}/search", "type": "application/geo+json"}
        spec = "https://api.stacspec.org/v1.0.0"
        answer = {
            "type": "Catalog", "stac_version": "1.0.0", "id": "api", "description": "an API",
            "conformsTo": [f"{spec}/core", f"{spec}/item-search"], "links": [search],
        }
        if self.path.startswith("/search"):
            number = int(self.path.partition("page=")[2] or 0)
            more = number + 1 < len(PAGES)
            link = {"rel": "next", "href": f"{base}/search?page={number + 1}", "method": "GET"}
            answer = {"type": "FeatureCollection", "features": PAGES[number], "links": [link] * more}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"

search = Client.open(address).search(method="GET")
found = [one.id for one in search.items()]
raw = [one["id"] for page in search.pages_as_dicts() for one in page["features"]]

followed, link = [], f"{address}/search"
while link:
    with urllib.request.urlopen(link) as answer:
        page = json.load(answer)
    followed += [one["id"] for one in page["features"]]
    link = next((one["href"] for one in page["links"] if one["rel"] == "next"), None)

print("pystac-client", version("pystac-client"))
print("by links:", followed, "items():", found, "pages_as_dicts():", raw)
assert followed == ["first", "last"]
assert found == raw == ["first"], "pystac-client follows the links now"
PYTHON
