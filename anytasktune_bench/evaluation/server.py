"""A model behind an OpenAI-compatible server (vLLM, SGLang, llama.cpp, or a service), asked for chat completions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import local
from typing import Any

import requests
from lm_eval.api.model import LM
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.answers import Answers
from anytasktune_bench.models import first_line

KEY_ENV = "OPENAI_API_KEY"
RETRIED = (408, 409, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Server:
    """Where a model is served."""

    url: str
    """Base address, ending before `/chat/completions`."""
    model: str
    """Name under which the server knows it."""
    concurrency: int = 8
    """Requests at the same time."""
    retries: int = 6
    """Further tries of a request that was refused for now or got no answer, with growing pauses."""
    timeout: float = 300.0
    """Seconds to wait for an answer."""
    body: tuple[tuple[str, Any], ...] = ()
    """Further fields of every request, such as vLLM's `chat_template_kwargs`."""

    @property
    def name(self) -> str:
        """Short name for tables."""
        return self.model.rpartition("/")[2]


def find_server(url: str, model: str | None, concurrency: int, body: Mapping[str, Any] | None = None) -> Server:
    """The server at `url`, with the model it serves where none is named.

    Raises:
        RunError: it cannot be reached, or serves several models or none.
    """
    url = url.rstrip("/").removesuffix("/chat/completions")
    extra = tuple((body or {}).items())
    if model:
        return Server(url, model, concurrency, body=extra)
    try:
        names = [str(entry["id"]) for entry in served_models(url)]
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{url}: does not say what it serves ({first_line(error)}). Check the address (it usually ends in /v1), or name the model with --served-model.") from error
    if len(names) != 1:
        raise RunError(f"{url}: serves {', '.join(names) or 'nothing'}. Name one with --served-model.")
    return Server(url, names[0], concurrency, body=extra)


def served_models(url: str) -> list[dict[str, Any]]:
    """What a server says it serves, one entry with an `id` for each model.

    Raises:
        requests.RequestException: it cannot be reached, or refuses.
        ValueError, KeyError, TypeError: it says something else.
    """
    with _session(2) as session:
        answer = session.get(f"{url}/models", timeout=30)
        answer.raise_for_status()
        return [dict(entry) for entry in answer.json()["data"]]


def _session(retries: int) -> requests.Session:
    session = requests.Session()
    wait = Retry(total=retries, backoff_factor=0.5, backoff_max=30, status_forcelist=RETRIED, allowed_methods=None, respect_retry_after_header=True)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=wait))
    if key := os.environ.get(KEY_ENV):
        session.headers["Authorization"] = f"Bearer {key}"
    return session


class ServerLM(LM):  # type: ignore[misc]
    """lm-eval's view of a served model: chat requests side by side, each answer kept as soon as it is there."""

    def __init__(self, server: Server, answers: Answers | None = None) -> None:
        super().__init__()
        self.server, self.answers = server, answers
        self._local = local()

    @property
    def tokenizer_name(self) -> str:
        """lm-eval asks for it; the server has its own."""
        return self.server.model

    def chat_template(self, chat_template: bool | str = False) -> str:
        """lm-eval asks for it; the server has its own."""
        return ""

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The turns as JSON, since the server renders them."""
        return json.dumps(chat_history, ensure_ascii=False)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Answers in the order of `requests`.

        Raises:
            RunError: the server refuses a request, or does not answer after all tries. Finished answers are kept.
        """
        questions = [(request.task_name, request.args[0], int(request.args[1]["max_gen_toks"])) for request in requests]
        keys = [Answers.key(*question) for question in questions]
        found = [self.answers.get(key) if self.answers is not None else None for key in keys]
        open_ones = [place for place, answer in enumerate(found) if answer is None]
        with (
            tqdm(total=len(found), initial=len(found) - len(open_ones), disable=disable_tqdm, desc="answers", unit="row") as bar,
            ThreadPoolExecutor(self.server.concurrency) as pool,
        ):
            waiting = {pool.submit(self._ask, questions[place][1], questions[place][2]): place for place in open_ones}
            try:
                for future in as_completed(waiting):
                    place = waiting[future]
                    text = found[place] = future.result()
                    if self.answers is not None:
                        self.answers.add(keys[place], text)
                    bar.update()
            except BaseException:
                for future in waiting:
                    future.cancel()
                raise
        return [answer or "" for answer in found]

    path = "/chat/completions"

    def _question(self, prompt: str, budget: int) -> dict[str, Any]:
        """The part of a request that asks."""
        return {"messages": json.loads(prompt), "max_tokens": budget}

    @staticmethod
    def _text(choice: dict[str, Any]) -> str:
        """The answer in what came back."""
        return str(choice["message"]["content"] or "")

    def _ask(self, prompt: str, budget: int) -> str:
        if not hasattr(self._local, "session"):
            self._local.session = _session(self.server.retries)
        body = {"model": self.server.model, "temperature": 0, **self._question(prompt, budget), **dict(self.server.body)}
        url = f"{self.server.url}{self.path}"
        try:
            answer = self._local.session.post(url, json=body, timeout=(30, self.server.timeout))
        except requests.RequestException as error:
            tries = f"{self.server.retries + 1} tries ({first_line(error)})"
            raise RunError(f"{url}: gives no answer after {tries}. See that the server runs, and run the same command again: finished answers are kept.") from error
        if answer.status_code != 200:
            raise RunError(f"{url}: answers {answer.status_code} ({answer.text.strip()[:200]}). For 401 set {KEY_ENV}; for 404 check address and --served-model.")
        try:
            return self._text(answer.json()["choices"][0])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise RunError(f"{url}: its answer is no completion ({answer.text.strip()[:200]}). Give the address of an OpenAI-compatible server.") from error

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Not offered by chat servers, and not needed by these tasks."""
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """Not offered by chat servers, and not needed by these tasks."""
        raise NotImplementedError
