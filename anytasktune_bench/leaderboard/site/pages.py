"""Every page of the site as text, from a board. Pure: a board gives the same pages wherever and whenever they are made."""

from __future__ import annotations

import itertools
import re
import shlex
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.leaderboard.site.board import Board
from anytasktune_bench.leaderboard.site.charts import Dot, dot_plot
from anytasktune_bench.leaderboard.site.names import show
from anytasktune_bench.leaderboard.site.paper import GROUPS, read_paper
from anytasktune_bench.leaderboard.site.texts import texts
from anytasktune_bench.leaderboard.site.views import FULL, Cells, groups, marks, signed
from anytasktune_bench.leaderboard.statistics import DRAWS, Difference
from anytasktune_bench.leaderboard.table import Column, domains
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.pages import flawed_answer
from anytasktune_bench.records import Record
from anytasktune_bench.rows import has_rows
from anytasktune_bench.spec import LANGS, Domain, Lang, SubTask
from anytasktune_bench.version import __version__
from anytasktune_bench.words import metric_words

TOP = 12
"""Models in a sub-task's chart."""

RIGHT = 0.5
"""Row score from which an answer counts as right; the sample explorer's filters use the same."""


def address(lang: Lang, path: str) -> str:
    """Where a page lies in the site: English at the top, Chinese below `zh/`."""
    return path if lang == "en" else f"zh/{path}"


class Renderer:
    """Renders the pages of one board."""

    def __init__(self, board: Board) -> None:
        self.board = board
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self.environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self.environment.filters |= {
            "show": show,
            "signed": signed,
            "size": size,
            "p": lambda value: f"{value:.3f}" if value >= 0.001 else "< 0.001",
            "coded": coded,
            "groupby_kept": groupby_kept,
        }
        self.cells = {lang: Cells(board, lang) for lang in LANGS}

    def pages(self) -> Iterator[tuple[str, str]]:
        """(path in the site, HTML) of every page, in both languages."""
        board = self.board
        numbers = {"rows": (len(board.specs), len({spec.domain for spec in board.specs})), "intervals": (f"{DRAWS:,}",)}
        for lang in LANGS:
            yield self.overview(lang)
            for domain in dict.fromkeys(spec.domain for spec in board.specs):
                yield self._page(lang, f"domain/{domain}.html", "domain", self._domain(domain))
            for spec in board.specs:
                yield self._page(lang, f"task/{spec.code.lower()}.html", "task", self._task(spec, lang))
            for i, name in enumerate(board.slugs):
                yield self._page(lang, f"model/{name}.html", "model", self._model(i, lang))
            yield self._page(lang, "transfer.html", "transfer", self._transfer(lang))
            yield self._page(lang, "compare.html", "compare", {})
            yield self._page(lang, "samples.html", "samples", {})
            yield self._page(lang, "paper.html", "paper", {"paper": read_paper(), "groups": GROUPS})
            yield self._page(lang, "about.html", "about", {"numbers": numbers})
            yield self._page(lang, "submit.html", "submit", {})

    def overview(self, lang: Lang) -> tuple[str, str]:
        """The first page: (path in the site, HTML)."""
        table = self.board.table
        models = len({row.model for row in table.rows})
        context = {"fields": self.board.fields(), "groups": groups(self.board, range(len(table.rows))), "total": len(table.rows), "models": models}
        return self._page(lang, "index.html", "overview", context)

    def _page(self, lang: Lang, path: str, kind: str, context: dict[str, Any]) -> tuple[str, str]:
        here = "../" * path.count("/")
        root = here if lang == "en" else f"{here}../"
        common = {
            "t": texts(lang),
            "lang": lang,
            "langs": LANGS,
            "kind": kind,
            "path": path,
            "here": here,
            "root": root,
            "other": f"{here}zh/{path}" if lang == "en" else f"{root}{path}",
            "board": self.board,
            "rows": self.board.table.rows,
            "labels": self.board.labels(lang),
            "slugs": self.board.slugs,
            "bases": self.board.bases,
            "cell_html": self.cells[lang].html,
            "detailed": kind == "task",
            "ns": self.cells[lang].usual_n,
            "full": FULL,
            "task_domains": list(dict.fromkeys(spec.domain for spec in self.board.specs)),
            "benchmark": __version__,
        }
        return address(lang, path), self.environment.get_template(f"{kind}.html.j2").render(common | context)

    def _domain(self, domain: Domain) -> dict[str, Any]:
        fields = self.board.fields(domain)
        places = [i for i, row in enumerate(self.board.table.rows) if any(field.value(row) is not None for field in fields)]
        specs = [spec for spec in self.board.specs if spec.domain == domain]
        return {"domain": domain, "fields": fields, "groups": groups(self.board, places), "total": len(places), "specs": specs}

    def _task(self, spec: SubTask, lang: Lang) -> dict[str, Any]:
        columns = self.board.columns_of(spec.code)
        rows = self.board.table.rows
        places = [i for i, row in enumerate(rows) if any(row.cells[place] for place, _ in columns)]
        return {
            "spec": spec,
            "columns": columns,
            "fields": [field for field in self.board.fields(spec.domain) if field.code == spec.code],
            "groups": groups(self.board, places),
            "total": len(places),
            "metric": metric_words(spec, lang),
            "examples": [self._example(spec, language) for language in LANGS],
            "facts": [self._test_facts(spec, language) for language in LANGS],
            "charts": [self._task_chart(spec, place, column.lang, lang) for place, column in columns],
            "hardest": [(column, self._hardest(place)) for place, column in columns],
            "task_name": spec.task_name,
        }

    def _example(self, spec: SubTask, lang: Lang) -> dict[str, Any]:
        example = spec.example[lang]
        flawed = flawed_answer(spec, lang, example)
        scores = [score_answer(spec, lang, answer, example.gold, example.output, example.input) for answer in (example.output, flawed)]
        return {
            "lang": lang,
            "input": example.input,
            "best": example.output,
            "flawed": flawed,
            "best_score": scores[0].score,
            "flawed_score": scores[1].score,
            "notes": scores[1].notes,
        }

    def _test_facts(self, spec: SubTask, lang: Lang) -> dict[str, Any]:
        card = self.board.cards.get(spec.code, {}).get(lang, {})
        drawn = source_rows(spec, "test", lang) if has_rows(spec.folder) else []
        place = next((i for i, column in self.board.columns_of(spec.code) if column.lang == lang), None)
        scores = [cell.score for row in self.board.table.rows if place is not None and (cell := row.cells[place])]
        solved = [max(score for score, _ in found) >= RIGHT for found in self._row_scores(place).values()] if place is not None else []
        readings = card.get("agreement", [])
        return {
            "lang": lang,
            "n": len(drawn),
            "blind": max(card.get("baselines", {}).items(), key=lambda item: item[1], default=None),
            "mde": self.board.table.columns[place].mde if place is not None else None,
            "best": max(scores, default=None),
            "median": statistics.median(scores) if scores else None,
            "unsolved": solved.count(False) if solved else None,
            "readers": min((reading["score"] for reading in readings if reading["stage"] == readings[-1]["stage"]), default=None),
        }

    def _row_scores(self, place: int) -> dict[str, list[tuple[float, int]]]:
        """Row id -> (row score, row's place on the board) of each run over all test rows."""
        found: dict[str, list[tuple[float, int]]] = {}
        for i, row in enumerate(self.board.table.rows):
            for answer in row.answers[place] if row.answers and row.settings.limit is None else ():
                found.setdefault(answer.sample.id, []).append((answer.score.score, i))
        return found

    def _task_chart(self, spec: SubTask, place: int, language: Lang, lang: Lang) -> Markup:
        t, labels = texts(lang), self.board.labels(lang)
        cells = [(cell, labels[i]) for i, row in enumerate(self.board.table.rows) if (cell := row.cells[place])]
        cells.sort(key=lambda pair: (-pair[0].score, pair[1]))
        dots = [Dot(label, cell.score, *cell.interval, kind="up" if cell.tuned else "plain", solid=cell.tuned) for cell, label in cells[:TOP]]
        return dot_plot(dots, t["task"]["plot"] % (spec.code, t["languages"][language]), f"chart-{language}", 0.0, 1.0)

    def _hardest(self, place: int) -> list[tuple[str, float, int, str]]:
        """(row id, mean row score, runs, slug of the best run) of the five rows that the whole runs solved least."""
        found = self._row_scores(place)
        means = sorted((sum(score for score, _ in scores) / len(scores), name) for name, scores in found.items())
        best = {name: max(scores, key=lambda pair: (pair[0], -pair[1]))[1] for name, scores in found.items()}
        return [(name, mean, len(found[name]), self.board.slugs[best[name]]) for mean, name in means[:5]]

    def _transfer(self, lang: Lang) -> dict[str, Any]:
        places = [i for i, row in enumerate(self.board.table.rows) if row.transfer]
        return {"places": places[:FULL], "total": len(places), "board_domains": list(domains(self.board.table.columns)), "transfer_cell": self.cells[lang].transfer}

    def _model(self, i: int, lang: Lang) -> dict[str, Any]:
        row, base = self.board.table.rows[i], self.board.bases[i]
        t = texts(lang)
        columns = self.board.table.columns
        name = show(row.model.base or "")
        dots = [
            _against(cell.difference, cell.arrow, f"{column.key}{marks(cell)} · {column.spec.title[lang]}", column, lang)
            for column, cell in zip(columns, row.cells, strict=True)
            if cell and cell.difference
        ]
        transfer = [Dot(t["domains"][domain], mean.delta, mean.low, mean.high, *_sign(mean.delta, mean.low > 0 or mean.high < 0)) for domain, mean in row.transfer.items()]
        specs = {column.spec.code: column for column in columns}
        gaps = [_against(gap, "", f"{code} · {specs[code].spec.title[lang]}", specs[code], lang) for code, gap in row.gaps.items()]
        return {
            "row": row,
            "label": self.board.labels(lang)[i],
            "slug": self.board.slugs[i],
            "base_slug": None if base is None else self.board.slugs[base],
            "chart": dot_plot(dots, t["model"]["plot_title"] % name, "chart", mark=0.0) if dots else "",
            "transfer": dot_plot(transfer, t["transfer"]["plot_title"] % name, "transfer", mark=0.0) if transfer else "",
            "gaps": dot_plot(gaps, t["model"]["gaps_text"], "gaps", mark=0.0) if gaps else "",
            "seed_groups": [
                {"rows": seeds.rows, "figures": [(column, spread) for column, spread in zip(columns, seeds.spreads, strict=True) if spread]}
                for seeds in self.board.table.seeds
                if i in seeds.rows
            ],
            "rank": self.cells[lang].rank,
            "commands": list(dict.fromkeys(map(command, row.records))),
            "has_answers": [bool(answers) for answers in row.answers] or [False] * len(row.cells),
            "domain_places": domains(columns),
        }


def _against(difference: Difference, arrow: str, label: str, column: Column, lang: Lang) -> Dot:
    """A difference as a line of a chart; solid by its arrow, or where it has none by its interval."""
    solid = arrow in ("▲", "▼") if arrow else difference.low > 0 or difference.high < 0
    return Dot(label, difference.delta, difference.low, difference.high, *_sign(difference.delta, solid), texts(lang)["domains"][column.spec.domain])


def _sign(delta: float, solid: bool) -> tuple[str, bool]:
    return "up" if delta > 0 else "down" if delta < 0 else "plain", solid and bool(delta)


def size(parameters: int | None) -> str:
    """A number of parameters for people: 135M, 7.6B."""
    if parameters is None:
        return "–"
    billions = parameters / 1e9
    return f"{billions:.0f}B" if billions >= 99.5 else f"{billions:.1f}B" if billions >= 0.95 else f"{parameters / 1e6:.0f}M"


def coded(text: str) -> Markup:
    """Text whose parts in backquotes are code, and whose lines that begin with "- " are a list."""
    lines = [re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(line))) for line in text.split("\n")]
    items = "".join(f"<li>{line[2:]}</li>" for line in lines if line.startswith("- "))
    return Markup("".join(f"<p>{line}</p>" for line in lines if not line.startswith("- ")) + (f"<ul>{items}</ul>" if items else ""))


def command(record: Record) -> str:
    """The command that makes such a record again; ADAPTER stands for the adapter, whose place a record does not know."""
    model, settings = record.model, record.settings
    source = model.source if model.revision is None else f"{model.source}@{model.revision}"
    codes = list(dict.fromkeys(result.subtask for result in record.results.values()))
    langs = [lang for lang in LANGS if any(result.lang == lang for result in record.results.values())]
    words = ["anytasktune", "eval", source, *(["--adapter", "ADAPTER"] if model.adapter_sha256 else []), "--tasks", ",".join(codes), "--lang", ",".join(langs)]
    words += ["--num-fewshot", str(settings.num_fewshot)] if settings.num_fewshot else []
    words += ["--implicit"] if settings.implicit else []
    words += ["--limit", str(settings.limit)] if settings.limit is not None else []
    words += ["--batch-size", str(settings.batch_size)]
    return " ".join(shlex.quote(show(word, 200)) for word in words)


def groupby_kept(items: Iterable[Any], attribute: str) -> list[tuple[Any, list[Any]]]:
    """Runs of items with an equal attribute, in their order; jinja's own `groupby` sorts."""
    return [(key, list(members)) for key, members in itertools.groupby(items, key=lambda item: getattr(item, attribute))]
