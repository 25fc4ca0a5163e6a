"""A small Hub on loopback: the HTTP interface that `huggingface_hub` and `datasets` use to write and read repositories, with everything in memory.

The real clients drive it. A repository is commits (an id, files, a title) and references to them. `fail` makes the next requests whose path holds a
text answer with a status; `mood` does that to all of them, from a request on; `watch` sees each request before and after it is served.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.hub_store import HANG, LFS_SUFFIXES, READ_TOKEN, TOKEN, Files, Hub, Repository, entries, oid_of


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else headers and body, written apart, cost 40 ms a reply

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.hub.watch("after")
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def no(self, status: int, code: str, **headers: str) -> None:
        self.reply(status, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code, **headers})

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a client that was killed
            super().handle()

    def dispatch(self) -> None:
        path = unquote(urlsplit(self.path).path)
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionResetError
        self.hub.requests.append(f"{self.command} {path}")
        if not self.hub.watch("before"):
            raise ConnectionResetError
        if failure := self.hub.next_failure(path):
            status, headers = failure
            if status == HANG:
                self.hub.closed.wait()
                return
            return self.no(int(status), "RepoNotFound" if status == 404 else "Emulated", **headers)
        for method, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in method:
                return answer(self, body, **match.groupdict())
        self.hub.unknown.append(f"{self.command} {path}")
        return self.no(404, "EntryNotFound")

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = dispatch

    def may_write(self) -> bool:
        who = self.headers.get("Authorization")
        if who == f"Bearer {TOKEN}":
            return True
        if who == f"Bearer {READ_TOKEN}":
            self.reply(403, {"error": "You don't have the required permissions."}, {"X-Error-Message": "You don't have the required permissions."})
        else:
            self.reply(401, {"error": "Invalid username or password."})
        return False

    def repository(self, kind: str | None, repo: str) -> Repository | None:
        found = self.hub.repositories.get(f"{kind or 'models'}/{repo}")
        if found is None or (found.private and self.headers.get("Authorization") != f"Bearer {TOKEN}"):
            self.no(404, "RepoNotFound")
            return None
        return found

    def commit_at(self, kind: str | None, repo: str, revision: str) -> tuple[str, Files] | None:
        found = self.repository(kind, repo)
        commit = found.at(revision) if found else None
        if found is not None and commit is None:
            self.no(404, "RevisionNotFound")
        return commit

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
        found = self.hub.repositories[key] = Repository(wanted.get("visibility") == "private" or bool(wanted.get("private")), sdk=wanted.get("sdk"))
        self.hub.add(found, {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"})
        self.reply(200, {"url": f"{self.hub.url}/{repo}", "name": repo, "id": repo})

    def validate(self, body: bytes) -> None:
        parts = json.loads(body)["content"].split("---\n")
        try:
            head = yaml.safe_load(parts[1]) if len(parts) > 2 else {}
            wrong = [] if isinstance(head, dict) and isinstance(head.get("configs", []), list) else ["configs must be a list"]
        except yaml.YAMLError:
            wrong = ["not YAML"]
        self.reply(400 if wrong else 200, {"errors": [{"message": text} for text in wrong], "warnings": []})

    def preupload(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        if found is None or not self.may_write():
            return
        here = found.commits[-1][1]
        ignored = here.get(".gitignore", b"").decode().split()
        modes = []
        for wanted in json.loads(body)["files"]:
            path = wanted["path"]
            known = {} if path not in here else {"oid": oid_of(path, here[path])}
            mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
            modes.append({"path": path, "uploadMode": mode, "shouldIgnore": any(fnmatch.fnmatch(path, pattern) for pattern in ignored), **known})
        self.reply(200, {"files": modes})

    def batch(self, body: bytes, repo: str, kind: str | None = None) -> None:
        if not self.may_write():
            return
        objects = []
        for wanted in json.loads(body)["objects"]:
            hrefs = {"upload": {"href": f"{self.hub.url}/lfs/{wanted['oid']}"}, "verify": {"href": f"{self.hub.url}/lfs/verify"}}
            objects.append({"oid": wanted["oid"], "size": wanted["size"], "authenticated": True, **({} if wanted["oid"] in self.hub.objects else {"actions": hrefs})})
        self.reply(200, {"transfer": "basic", "objects": objects})

    def store(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            return self.reply(400, {"error": "sha256 differs"})
        self.hub.objects[oid] = body
        self.reply(200)

    def verify(self, body: bytes) -> None:
        self.reply(200 if json.loads(body)["oid"] in self.hub.objects else 404)

    def commit(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        if found is None or not self.may_write():
            return
        lines = [json.loads(line) for line in body.splitlines() if line]
        parent = next(line["value"].get("parentCommit") for line in lines if line["key"] == "header")
        proposal = "create_pr=1" in urlsplit(self.path).query
        with self.hub.lock:
            if parent and parent != found.commits[-1][0] and not proposal:
                return self.no(412, "A commit has happened since. Please refresh and try again.")
            oid = self.hub.write(found, lines, proposal)
        pull = {"pullRequestUrl": f"{self.hub.url}/{kind}/{repo}/discussions/{len(found.proposals)}"} if proposal else {}
        self.reply(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{kind}/{repo}/commit/{oid}", "hookOutput": "", **pull})

    def tag(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        found = self.repository(kind, repo)
        if found is None or not self.may_write():
            return
        if self.command == "DELETE":
            return self.reply(200) if found.tags.pop(revision, None) else self.no(404, "RevisionNotFound")
        name = json.loads(body)["tag"]
        if name in found.tags:
            return self.reply(409, {"error": "Tag reference exists already."})
        commit = found.at(revision)
        if commit is None:
            return self.no(404, "RevisionNotFound")
        found.tags[name] = commit[0]
        self.reply(200)

    def refs(self, body: bytes, kind: str, repo: str) -> None:
        found = self.repository(kind, repo)
        if found is None:
            return
        tags = [{"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid} for name, oid in found.tags.items()]
        self.reply(200, {"branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": found.commits[-1][0]}], "converts": [], "tags": tags})

    def info(self, body: bytes, kind: str, repo: str, revision: str | None = None) -> None:
        commit = self.commit_at(kind, repo, revision or "main")
        if commit is not None:
            siblings = [{"rfilename": path} for path in sorted(commit[1])]
            private = self.hub.repositories[f"{kind}/{repo}"].private
            self.reply(200, {"id": repo, "modelId": repo, "sha": commit[0], "private": private, "siblings": siblings, "tags": [], "downloads": 0})

    def tree(self, body: bytes, kind: str, repo: str, revision: str, path: str | None = None) -> None:
        commit = self.commit_at(kind, repo, revision)
        if commit is None:
            return
        everything = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() in ("true", "1")
        start = f"{path}/" if path else ""
        found = [one for one in entries(commit[1]) if one["path"].startswith(start) and (everything or "/" not in one["path"][len(start) :])]
        if path and not found:
            return self.no(404, "EntryNotFound")
        self.reply(200, found, {"X-Repo-Commit": commit[0]})

    def paths_info(self, body: bytes, kind: str, repo: str, revision: str) -> None:
        commit = self.commit_at(kind, repo, revision)
        if commit is not None:
            text = body.decode()
            wanted = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])
            self.reply(200, [one for one in entries(commit[1]) if one["path"] in wanted], {"X-Repo-Commit": commit[0]})

    def resolve(self, body: bytes, repo: str, revision: str, path: str, kind: str | None = None) -> None:
        commit = self.commit_at(kind, repo, revision)
        if commit is None:
            return
        if path not in commit[1]:
            return self.reply(404, {"error": "EntryNotFound"}, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit[0]})
        data = commit[1][path]
        start, end = 0, len(data)
        if match := re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            start, end = int(match[1]), min(int(match[2]) + 1, len(data)) if match[2] else len(data)
        headers = {"X-Repo-Commit": commit[0], "ETag": f'"{oid_of(path, data)}"', "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        if start or end < len(data):
            return self.reply(206, data[start:end], {**headers, "Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})
        self.reply(200, data, headers)


_KIND, _REPO, _REV = r"(?P<kind>models|datasets|spaces)", r"(?P<repo>[^/]+/[^/]+)", r"(?P<revision>refs/pr/\d+|[^/]+)"
ROUTES: list[tuple[tuple[str, ...], str, Any]] = [
    (("GET",), "/api/whoami-v2", Handler.whoami),
    (("POST",), "/api/repos/create", Handler.create),
    (("POST",), "/api/validate-yaml", Handler.validate),
    (("POST",), f"/api/{_KIND}/{_REPO}/preupload/{_REV}", Handler.preupload),
    (("POST",), f"/(?:{_KIND}/)?{_REPO}\\.git/info/lfs/objects/batch", Handler.batch),
    (("PUT",), "/lfs/(?P<oid>[0-9a-f]{64})", Handler.store),
    (("POST",), "/lfs/verify", Handler.verify),
    (("POST",), f"/api/{_KIND}/{_REPO}/commit/{_REV}", Handler.commit),
    (("POST", "DELETE"), f"/api/{_KIND}/{_REPO}/tag/{_REV}", Handler.tag),
    (("GET", "HEAD"), f"/api/{_KIND}/{_REPO}/refs", Handler.refs),
    (("GET", "HEAD"), f"/api/{_KIND}/{_REPO}(?:/revision/{_REV})?", Handler.info),
    (("GET", "HEAD"), f"/api/{_KIND}/{_REPO}/tree/{_REV}(?:/(?P<path>.*))?", Handler.tree),
    (("POST",), f"/api/{_KIND}/{_REPO}/paths-info/{_REV}", Handler.paths_info),
    (("GET", "HEAD"), f"/(?:{_KIND}/)?{_REPO}/resolve/{_REV}/(?P<path>.+)", Handler.resolve),
]


@contextlib.contextmanager
def running_hub() -> Iterator[Hub]:
    """Serve a new, empty Hub on a free port of the loopback interface."""
    hub = Hub()
    handler = type("BoundHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
