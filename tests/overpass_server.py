"""A small Overpass server on 127.0.0.1 that answers from an OSM extract."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import osmium


def complete_roads(extract: Path) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    """Give the nodes and the ways of every road whose nodes the extract all holds, as Overpass writes them."""
    nodes: dict[int, dict[str, Any]] = {}
    ways = []
    roads = (osmium.FileProcessor(str(extract)).with_locations()
             .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
             .with_filter(osmium.filter.KeyFilter("highway", "route")))
    for way in roads:
        if all(node.location.valid() for node in way.nodes):
            nodes.update({node.ref: {"type": "node", "id": node.ref, "lat": node.lat, "lon": node.lon}
                          for node in way.nodes})
            ways.append({"type": "way", "id": way.id, "nodes": [node.ref for node in way.nodes],
                         "tags": dict(way.tags)})
    return nodes, ways


def write_osm(extract: Path, target: Path) -> None:
    """Write the complete roads of an extract as a file that OSMnx can read."""
    nodes, ways = complete_roads(extract)
    with osmium.SimpleWriter(str(target), overwrite=True) as writer:
        for node in nodes.values():
            writer.add_node(osmium.osm.mutable.Node(id=node["id"], location=(node["lon"], node["lat"]), version=1))
        for way in ways:
            writer.add_way(osmium.osm.mutable.Way(id=way["id"], nodes=way["nodes"], tags=way["tags"], version=1))


@dataclass
class Overpass:
    """What the server answers from, and what it was asked."""

    nodes: dict[int, dict[str, Any]]
    ways: list[dict[str, Any]]
    url: str = ""
    queries: list[str] = field(default_factory=list)

    def answer(self, query: str) -> dict[str, Any]:
        """Answer the two queries that are known: every road, and ferries."""
        self.queries.append(query)
        ferries = '["route"="ferry"]' in query
        chosen = [way for way in self.ways if (way["tags"].get("route") == "ferry" if ferries
                                               else "highway" in way["tags"])]
        used = dict.fromkeys(node for way in chosen for node in way["nodes"])
        return {"version": 0.6, "generator": "test", "elements": [*(self.nodes[node] for node in used), *chosen]}


@contextmanager
def serve(extract: Path) -> Iterator[Overpass]:
    """Run the server while the block lasts."""
    overpass = Overpass(*complete_roads(extract))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            content = json.dumps(overpass.answer(parse_qs(body)["data"][0])).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    overpass.url = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield overpass
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
