"""Fixtures: one browser for all modules, since Playwright runs once in a process."""

from tests.browser import axe, browser

__all__ = ["axe", "browser"]
