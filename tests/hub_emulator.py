"""A small Hub on loopback: the HTTP interface that `huggingface_hub` uses to write and read repositories, with everything in memory.

The real client drives it. Each repository is a list of commits, newest last; a commit is its id and the files at that point. `fail` makes the
next requests whose path holds a text answer with a status, to see what a client does then.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LFS_SUFFIXES = (".safetensors", ".parquet", ".bin")
TOKEN = "hf_emulated"


@dataclass
class Repository:
    private: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        wanted = self.tags.get(revision, revision)
        if wanted == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == wanted), None)


class Hub:
    """What the server knows."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.failures: list[tuple[str, int]] = []
        self.requests: list[str] = []
        self.unknown: list[str] = []
        self.url = ""

    def fail(self, text: str, status: int, times: int = 1) -> None:
        self.failures += [(text, status)] * times

    def commit(self, repository: Repository, lines: list[dict[str, Any]]) -> str:
        files = dict(repository.commits[-1][1])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"]) if value.get("encoding") == "base64" else value["content"].encode()
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                files.pop(value["path"], None)
        return self.add(repository, files)

    @staticmethod
    def add(repository: Repository, files: dict[str, bytes]) -> str:
        text = repr((len(repository.commits), sorted((path, hashlib.sha1(data).hexdigest()) for path, data in files.items())))
        oid = hashlib.sha1(text.encode()).hexdigest()
        repository.commits.append((oid, files))
        return oid


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def no(self, status: int, code: str) -> None:
        self.reply(status, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code})

    def dispatch(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append(f"{self.command} {path}")
        for i, (text, status) in enumerate(self.hub.failures):
            if text in path:
                del self.hub.failures[i]
                return self.no(status, "RepoNotFound" if status == 404 else "Emulated")
        for method, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method:
                return answer(self, body, **match.groupdict())
        self.hub.unknown.append(f"{self.command} {path}")
        return self.no(404, "EntryNotFound")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = dispatch

    def may_write(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self.reply(401, {"error": "Invalid username or password."})
        return False

    def repository(self, kind: str | None, repo: str) -> Repository | None:
        found = self.hub.repositories.get(f"{kind or 'models'}/{repo}")
        if found is None or (found.private and self.headers.get("Authorization") != f"Bearer {TOKEN}"):
            self.no(404, "RepoNotFound")
            return None
        return found

    def whoami(self, body: bytes) -> None:
        if self.may_write():
            self.reply(200, {"type": "user", "name": "tester", "orgs": [], "auth": {"type": "access_token", "accessToken": {"role": "write"}}})

    def create(self, body: bytes) -> None:
        if not self.may_write():
            return
        wanted = json.loads(body)
        repo = f"{wanted.get('organization') or 'tester'}/{wanted['name']}"
        key = f"{wanted.get('type', 'model')}s/{repo}"
        if key in self.hub.repositories:
            return self.reply(409, {"error": "You already created this repo", "url": f"{self.hub.url}/{repo}"})
        found = self.hub.repositories[key] = Repository(wanted.get("visibility") == "private" or bool(wanted.get("private")))
        self.hub.add(found, {".gitattributes": b""})
        self.reply(200, {"url": f"{self.hub.url}/{repo}", "name": repo, "id": repo})

    def validate(self, body: bytes) -> None:
        self.reply(200, {"errors": [], "warnings": []})

    def preupload(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        if found is None or not self.may_write():
            return
        here = found.commits[-1][1]
        modes = []
        for wanted in json.loads(body)["files"]:
            path = wanted["path"]
            large = path.endswith(LFS_SUFFIXES)
            known = {} if path not in here else {"oid": hashlib.sha256(here[path]).hexdigest() if large else git_sha1(here[path])}
            modes.append({"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, **known})
        self.reply(200, {"files": modes})

    def batch(self, body: bytes, repo: str, kind: str | None = None) -> None:
        if not self.may_write():
            return
        objects = []
        for wanted in json.loads(body)["objects"]:
            actions = {} if wanted["oid"] in self.hub.objects else {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{wanted['oid']}"}}}
            objects.append({"oid": wanted["oid"], "size": wanted["size"], "authenticated": True, **actions})
        self.reply(200, {"transfer": "basic", "objects": objects})

    def store(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            return self.reply(400, {"error": "sha256 differs"})
        self.hub.objects[oid] = body
        self.reply(200)

    def commit(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        if found is None or not self.may_write():
            return
        oid = self.hub.commit(found, [json.loads(line) for line in body.splitlines() if line])
        self.reply(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{repo}/commit/{oid}", "hookOutput": ""})

    def tag(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        if found is None or not self.may_write():
            return
        name = json.loads(body)["tag"]
        if name in found.tags:
            return self.reply(409, {"error": "Tag reference exists already."})
        commit = found.at(revision)
        if commit is None:
            return self.no(404, "RevisionNotFound")
        found.tags[name] = commit[0]
        self.reply(200)

    def info(self, body: bytes, kind: str, repo: str, revision: str | None = None) -> None:
        found = self.repository(kind, repo)
        commit = found.at(revision or "main") if found else None
        if found is not None and commit is None:
            return self.no(404, "RevisionNotFound")
        if found is not None and commit is not None:
            siblings = [{"rfilename": path} for path in sorted(commit[1])]
            self.reply(200, {"id": repo, "modelId": repo, "sha": commit[0], "private": found.private, "siblings": siblings, "tags": [], "downloads": 0})

    def tree(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        commit = found.at(revision) if found else None
        if found is not None and commit is None:
            return self.no(404, "RevisionNotFound")
        if commit is not None:
            self.reply(200, [entry(path, data) for path, data in sorted(commit[1].items())], {"X-Repo-Commit": commit[0]})

    def resolve(self, body: bytes, repo: str, revision: str, path: str, kind: str | None = None) -> None:
        found = self.repository(kind, repo)
        if found is None:
            return
        commit = found.at(revision)
        if commit is None:
            return self.no(404, "RevisionNotFound")
        if path not in commit[1]:
            return self.reply(404, {"error": "EntryNotFound"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit[0]})
        data = commit[1][path]
        etag = hashlib.sha256(data).hexdigest() if path.endswith(LFS_SUFFIXES) else git_sha1(data)
        start, end = 0, len(data)
        if match := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            start, end = int(match[1]), int(match[2]) + 1 if match[2] else len(data)
        headers = {"X-Repo-Commit": commit[0], "ETag": f'"{etag}"', "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        if start or end < len(data):
            return self.reply(206, data[start:end], {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})
        self.reply(200, data, headers)


def entry(path: str, data: bytes) -> dict[str, Any]:
    large = {"lfs": {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}} if path.endswith(LFS_SUFFIXES) else {}
    return {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data), **large}


_KIND, _REPO, _REV = r"(?P<kind>models|datasets|spaces)", r"(?P<repo>[^/]+/[^/]+)", r"(?P<revision>[^/]+)"
ROUTES: list[tuple[tuple[str, ...], str, Any]] = [
    (("GET",), "/api/whoami-v2", Handler.whoami),
    (("POST",), "/api/repos/create", Handler.create),
    (("POST",), "/api/validate-yaml", Handler.validate),
    (("POST",), f"/api/{_KIND}/{_REPO}/preupload/{_REV}", Handler.preupload),
    (("POST",), f"/(?:{_KIND}/)?{_REPO}\\.git/info/lfs/objects/batch", Handler.batch),
    (("PUT",), "/lfs/(?P<oid>[0-9a-f]{64})", Handler.store),
    (("POST",), f"/api/{_KIND}/{_REPO}/commit/{_REV}", Handler.commit),
    (("POST",), f"/api/{_KIND}/{_REPO}/tag/{_REV}", Handler.tag),
    (("GET",), f"/api/{_KIND}/{_REPO}(?:/revision/{_REV})?", Handler.info),
    (("GET",), f"/api/{_KIND}/{_REPO}/tree/{_REV}", Handler.tree),
    (("GET", "HEAD"), f"/(?:{_KIND}/)?{_REPO}/resolve/{_REV}/(?P<path>.+)", Handler.resolve),
]


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve a new, empty Hub on a free port of the loopback interface."""
    hub = Hub()
    handler = type("BoundHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
