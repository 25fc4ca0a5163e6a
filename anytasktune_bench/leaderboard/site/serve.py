"""A look at a site at home: served on this machine's loopback address only."""

from __future__ import annotations

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anytasktune_bench.errors import RunError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; the browser shows what is missing."""


def site_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` on 127.0.0.1, which answers once `serve_forever` is called.

    Args:
        folder: the site.
        port: 0 for any free one.

    Raises:
        RunError: the port is taken or not allowed.
    """
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Quiet, directory=str(folder)))
    except OSError as error:
        raise RunError(f"port {port} of 127.0.0.1 cannot be used ({error.strerror}). Choose another with --port, or --port 0 for any free one.") from error
