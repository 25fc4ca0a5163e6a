"""An OpenAI-compatible chat server on loopback that serves a tiny real model, and fails when it is told to."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Served:
    """The model, and what was asked."""

    def __init__(self, path: Path, failing: float, seed: int) -> None:
        from anytasktune_bench.models import load_model, load_tokenizer, resolve_model

        ref = resolve_model(str(path))
        self.model, self.tokenizer = load_model(ref, "float32", "cpu"), load_tokenizer(ref)
        self.failing, self.rng, self.lock = failing, random.Random(seed), threading.Lock()
        self.names, self.key = [path.name], ""
        self.answered: Counter[str] = Counter()
        """Prompt -> how often it was answered."""
        self.failed = 0
        self.url = ""

    def answer(self, body: dict[str, Any]) -> str:
        from anytasktune_bench.generation import encode, generate

        prompt = self.tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=True, enable_thinking=False)
        with self.lock:
            text = generate(self.model, self.tokenizer, [encode(self.tokenizer, prompt)], body["max_tokens"])[0]
            self.answered[prompt] += 1
        return text


class Handler(BaseHTTPRequestHandler):
    served: Served
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.reply(200, {"data": [{"id": name} for name in self.served.names]}) if self.path == "/v1/models" else self.reply(404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        served = self.served
        if self.path != "/v1/chat/completions":
            return self.reply(404, {"error": "no such path"})
        if served.key and self.headers.get("Authorization") != f"Bearer {served.key}":
            return self.reply(401, {"error": "no key"})
        with served.lock:
            kind = served.rng.choice(["429", "500", "cut", "503"]) if served.rng.random() < served.failing else ""
            served.failed += bool(kind)
        if kind == "cut":
            self.close_connection = True
            return self.connection.close()
        if kind:
            return self.reply(int(kind), {"error": "later"}, {"Retry-After": "0"})
        self.reply(200, {"choices": [{"message": {"role": "assistant", "content": served.answer(body)}}]})


@contextmanager
def serving(path: Path, failing: float = 0.0, seed: int = 0) -> Iterator[Served]:
    """Serve the model in the folder `path`; a share of `failing` requests is refused or cut off."""
    served = Served(path, failing, seed)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"served": served}))
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
