"""An OpenAI-compatible server on loopback that serves a tiny real model, with adapters, and fails when it is told to.

`main` takes the command lines of vLLM and SGLang, so that it can stand in their place where a test starts an engine.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
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
        self.ref, self.adapters = ref, dict[str, Any]()
        self.names, self.key = [path.name], ""
        self.answered: Counter[str] = Counter()
        """Prompt -> how often it was answered."""
        self.failed = 0
        self.url = ""

    def add_adapter(self, name: str, folder: str) -> None:
        from anytasktune_bench.adapters import load_adapted

        self.adapters[name] = load_adapted(self.ref, Path(folder), "float32", "cpu")

    def complete(self, body: dict[str, Any]) -> str:
        from anytasktune_bench.generation import generate

        assert body["temperature"] == 0 and all(isinstance(i, int) for i in body["prompt"])
        model = self.adapters.get(body.get("lora_path") or body["model"], self.model)
        with self.lock:
            return generate(model, self.tokenizer, [body["prompt"]], body["max_tokens"])[0]

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
        entries = [{"id": name, "max_model_len": 4096} for name in [*self.served.names, *self.served.adapters]]
        self.reply(200, {"data": entries}) if self.path == "/v1/models" else self.reply(404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        served = self.served
        if self.path == "/v1/completions":
            return self.reply(200, {"choices": [{"text": served.complete(body)}]})
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


def main(arguments: list[str]) -> None:
    """Serve until killed, as `vllm serve MODEL …` or `sglang.launch_server --model-path MODEL …` would."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    for name in ("--model-path", "--served-model-name", "--host", "--dtype", "--tensor-parallel-size", "--data-parallel-size", "--tp-size", "--dp-size", "--fail"):
        parser.add_argument(name)
    for name in ("--port", "--max-loras", "--max-lora-rank", "--max-loras-per-batch"):
        parser.add_argument(name, type=int)
    parser.add_argument("--enable-lora", action="store_true")
    parser.add_argument("--lora-modules", "--lora-paths", nargs="*", default=[])
    chosen = parser.parse_args(arguments)
    if chosen.fail:
        sys.exit(chosen.fail)
    served = Served(Path(chosen.model_path or chosen.words[1]), 0.0, 0)
    served.names = [chosen.served_model_name]
    assert chosen.enable_lora == bool(chosen.lora_modules)
    for pair in chosen.lora_modules:
        served.add_adapter(*pair.split("=", 1))
    ThreadingHTTPServer(("127.0.0.1", chosen.port), type("BoundHandler", (Handler,), {"served": served})).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
