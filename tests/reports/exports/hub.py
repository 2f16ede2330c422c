"""A small server that speaks the hub's upload protocol: make a repository, ask how files go, large ones, the commit."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """What it was asked, in order, and what it holds."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.repositories: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}
        self.refuses = False
        self.address = ""

    def post(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.refuses:
            return 403, {"error": "You have no right to create this repository."}
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted.get('organization', 'me')}/{wanted['name']}"
            self.repositories[name] = wanted
            return 200, {"url": f"{self.address}/{name}", "name": name}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if "/preupload/" in path:
            files = [
                {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith("safetensors") else "regular",
                 "shouldIgnore": False, "oid": None}
                for file in json.loads(body)["files"]
            ]  # fmt: skip
            return 200, {"files": files}
        if path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.address}/put/{one['oid']}", "header": {}}}}
                for one in json.loads(body)["objects"]
            ]
            return 200, {"transfer": "basic", "objects": objects}
        if "/commit/" in path:
            for line in map(json.loads, body.decode().splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    self.files[value["path"]] = base64.b64decode(value["content"])
                if line["key"] == "lfsFile":
                    self.files[value["path"]] = self.large[value["oid"]]
            commit, repository = "0" * 40, path.split("/commit/")[0].removeprefix("/api/").removeprefix("models/")
            return 200, {
                "commitUrl": f"{self.address}/{repository}/commit/{commit}",
                "commitOid": commit,
                "hookOutput": "",
            }
        return 404, {"error": f"unknown: {path}"}


@contextmanager
def open_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def do_POST(self) -> None:
            hub.asked.append(f"POST {self.path}")
            self._answer(*hub.post(self.path, self._body()))

        def do_PUT(self) -> None:
            hub.asked.append(f"PUT {self.path}")
            data = self._body()
            assert self.path == f"/put/{hashlib.sha256(data).hexdigest()}"
            hub.large[self.path.removeprefix("/put/")] = data
            self._answer(200, {})

        def do_GET(self) -> None:
            hub.asked.append(f"GET {self.path}")
            self._answer(200, {"sha": "0" * 40, "siblings": [], "id": self.path, "private": True})

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
