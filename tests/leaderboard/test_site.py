"""The built site: structure, links, hostile names, exports that equal the table, identical rebuilds, and folders that are never lost."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import pytest
import yaml
from click.testing import CliRunner

from anytasktune_bench.cli.leaderboard import leaderboard
from anytasktune_bench.errors import OutputError, RecordError
from anytasktune_bench.leaderboard.site import build_site
from anytasktune_bench.leaderboard.site.board import Board
from anytasktune_bench.leaderboard.site.exports import to_csv, to_json, to_latex
from anytasktune_bench.leaderboard.site.names import labels, show, slug
from anytasktune_bench.leaderboard.site.texts import PATH, texts
from anytasktune_bench.leaderboard.table import build_table
from anytasktune_bench.records import write_record
from anytasktune_bench.spec import LANGS
from tests.leaderboard.test_table import BASE, CATALOG, TUNED, Pair, make, resampled, table_of

OLD = make("Old tuned", base="Base", tuned_on=("S1", "L4"), category="task-fine-tuned", fingerprint="f" * 64, version="0.0.9")
SHORT = make("Short", codes=("M1",), langs=("zh",))
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202eevil\u2066 \u2069\u2069</bdi>",
    "שלום עולם",
    "x" * 10_000,
    "=HYPERLINK(0)",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "{{ 7 * 7 }}{% raw %}",
    'a,b\n"c"\'',
    "\x00\x1b[31m",
    "   ",
    "../../etc/passwd",
    "\\input{x} $1^2_3 & 50% ~#",
]
VOID = {"meta", "link", "img", "input"}
KINDS = ["index", "domain/law", "task/l4", "model/{tuned}", "transfer", "compare", "samples", "paper", "about", "submit"]
"""Every kind of page; `{tuned}` stands for the tuned model's name."""


class Page(HTMLParser):
    """A strict reader: counts tags, keeps attributes, and fails on unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.stack: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.texts.append((self.stack[-1] if self.stack else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def build(tmp_path: Path, *pairs: Pair, out: str = "site") -> Path:
    folders = []
    for i, (record, samples) in enumerate(pairs):
        folders.append(tmp_path / "results" / str(i))
        write_record(folders[-1], record, samples)
    return build_site(folders, tmp_path / out).parent


def files(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in sorted(site.rglob("*")) if path.is_file()}


def html_pages(site: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(site.rglob("*.html")):
        yield path, path.read_text(encoding="utf-8")


def kinds(site: Path) -> list[str]:
    tuned = next(path.stem for path in sorted((site / "model").glob("tuned-*.html")))
    return [f"{prefix}{kind.format(tuned=tuned)}.html" for prefix in ("", "zh/") for kind in KINDS]


def board_rows(page: str) -> list[list[str]]:
    """The texts of the board's body, cell by cell, without category rows; intervals are left out, marks after a figure are kept."""
    body = page.split('id="board"')[1].split("</table>")[0].split("</thead>")[1]
    rows = re.findall(r"<tr data-slug[^>]*>(.*?)</tr>", body, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", re.sub(r"<i>.*?</i>|<small>.*?</small>", "", row), re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row] for row in cells]


def keys(page: str) -> list[str]:
    return [str(th["data-key"]) for th in Page(page.split("<caption")[1].split("</thead>")[0].join(["<caption", "</thead>"])).all("th") if "data-key" in th]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"), BASE, TUNED, OLD, SHORT)


def test_a_site_has_every_kind_of_page_in_both_languages_and_lists_its_files(site: Path) -> None:
    found = files(site)
    assert set(found["site.txt"].decode().split()) == set(found)
    assert set(kinds(site)) <= set(found)
    assert {name for name in found if "/" not in name and not name.endswith(".html")} == {
        "board.js", "common.js", "compare.js", "data.json", "early.js", "results.csv", "results.tex", "samples.js", "site.txt", "style.css",
    }  # fmt: skip
    assert sum(name.startswith("task/") for name in found) == len(CATALOG.with_rows) == sum(name.startswith("zh/task/") for name in found)
    assert sum(name.startswith("model/") for name in found) == 4
    assert not list(site.parent.glob(".*"))


def test_pages_are_well_formed_and_say_their_language(site: Path) -> None:
    for path, text in html_pages(site):
        parsed = Page(text)
        is_zh = path.relative_to(site).parts[0] == "zh"
        (html,) = parsed.all("html")
        assert html["lang"] == ("zh-Hans" if is_zh else "en")
        assert len(parsed.all("h1")) == len(parsed.all("main")) == 1
        (other,) = [a["href"] for a in parsed.all("a") if a.get("id") == "language"]
        twin = (path.parent / str(other)).resolve()
        assert twin.is_file() and twin.name == path.name and (twin.relative_to(site).parts[0] == "zh") != is_zh


def test_all_links_resolve_and_ids_are_unique(site: Path) -> None:
    pages = {path: Page(text) for path, text in html_pages(site)}
    ids = {path: [attributes["id"] for _, attributes in parsed.tags if "id" in attributes] for path, parsed in pages.items()}
    checked = 0
    for path, parsed in pages.items():
        assert len(ids[path]) == len(set(ids[path])), path
        for tag, name in (("a", "href"), ("link", "href"), ("script", "src")):
            for attributes in parsed.all(tag):
                link, anchor = urldefrag(str(attributes[name]))
                target = (path.parent / urlsplit(link).path).resolve() if link else path
                assert not urlsplit(link).scheme and target.is_file(), f"{path}: {link}"
                assert not anchor or anchor in ids[target], f"{path}: {link}#{anchor}"
                checked += 1
        named = {str(attributes[name]) for _, attributes in parsed.tags for name in ("aria-labelledby", "aria-describedby") if name in attributes}
        assert named <= set(ids[path]), path
    assert checked > 1000


def test_nothing_is_fetched_from_elsewhere_and_no_script_stands_in_a_page(site: Path) -> None:
    for path, text in html_pages(site):
        parsed = Page(text)
        assert not {tag for tag, _ in parsed.tags} & {"img", "iframe", "object", "embed", "style"}
        assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on") or name == "style"]
        assert all(attributes.get("src") for attributes in parsed.all("script"))
        assert "default-src 'none'" in text
        assert not re.search(r"https?:", text), path
    scripts = "".join(path.read_text(encoding="utf-8") for path in site.glob("*.js"))
    assert not re.search(r"https?:|innerHTML|insertAdjacentHTML|document\.write|eval\(", scripts)
    assert not re.search(r"https?:|@import|url\(", (site / "style.css").read_text(encoding="utf-8"))


def test_the_table_has_caption_scopes_and_row_groups(site: Path) -> None:
    for name in ("index.html", "zh/index.html"):
        text = (site / name).read_text(encoding="utf-8")
        table = "<table" + text.split('<table class="board"')[1].split("</table>")[0] + "</table>"
        parsed = Page(table)
        assert len(parsed.all("caption")) == 1
        assert all("scope" in th for th in parsed.all("th"))
        assert [tbody["data-group"] for tbody in parsed.all("tbody")] == ["base", "open", "task-fine-tuned"]
        assert sum(th["scope"] == "row" for th in parsed.all("th")) == 4
        domains = [int(str(th["colspan"])) for th in parsed.all("th") if th["scope"] == "colgroup" and "data-code" not in th]
        codes = [int(str(th["colspan"])) for th in parsed.all("th") if "data-code" in th]
        width = len([th for th in parsed.all("th") if "data-key" in th])
        assert sum(domains) == sum(codes) == width - 2
        assert {len(row) for row in board_rows(text)} == {width}


def test_the_table_shows_figures_arrows_marks_and_missing_cells(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    rows = {row[0]: dict(zip(keys(text), row, strict=True)) for row in board_rows(text)}
    assert list(rows) == ["Base", "Short", "Old tuned", "Tuned"]
    tests = [f"{code} {lang}" for code in ("M1", "L4", "S1") for lang in LANGS]
    assert all(re.fullmatch(r"0\.\d{3}", rows["Base"][key]) for key in tests)
    assert [key for key in tests if rows["Short"][key] != "–"] == ["M1 zh"] and rows["Short"]["overall both"] == "–"
    assert {rows["Old tuned"][key] for key in tests} == {"–"}
    assert [re.sub(r"[\d.]", "", rows["Tuned"][key]) for key in tests] == ["▲†", "▲†", rows["Tuned"]["L4 zh"][5:], rows["Tuned"]["L4 en"][5:], "▼", "▼"]


def test_an_interval_stands_beside_its_figure_for_everybody(site: Path) -> None:
    cell = table_of(BASE, TUNED, OLD, SHORT).rows[0].cells[0]
    assert cell is not None
    text = (site / "index.html").read_text(encoding="utf-8")
    assert f"{cell.score:.3f}<i>{cell.interval[0]:.2f}–{cell.interval[1]:.2f}</i>" in text
    assert "<small>n 40</small>" in text
    model = next((site / "model").glob("base-*.html")).read_text(encoding="utf-8")
    assert f"<td>{cell.interval[0]:.3f}–{cell.interval[1]:.3f}</td>" in model and cell.fingerprint[:11] in model


def test_a_run_over_part_of_the_rows_says_its_n(tmp_path: Path) -> None:
    text = (build(tmp_path, BASE, make("Quick", settings={"limit": 10})) / "index.html").read_text(encoding="utf-8")
    assert text.count(", n = 10</i>") == 6 and "not ranked" not in text
    assert "not ranked" in next((tmp_path / "site" / "model").glob("quick-*.html")).read_text(encoding="utf-8")


def test_pages_say_what_was_tuned_on_what_and_why_results_are_left_out(site: Path) -> None:
    english, chinese = ((site / name).read_text(encoding="utf-8") for name in ("index.html", "zh/index.html"))
    assert "Not comparable: scored on another edition" in english and "Benchmark version 0.0.9" in english
    assert "不可比" in chinese and "基准版本 0.0.9" in chinese and "任务微调模型" in chinese
    assert "<bdi>S1</bdi>, <bdi>L4</bdi>" in next((site / "model").glob("old-tuned-*.html")).read_text(encoding="utf-8")
    assert "不构成医疗、法律或金融建议" in chinese


def test_a_task_page_has_definition_prompt_metric_example_and_what_the_test_can_tell(site: Path) -> None:
    spec = CATALOG.get("L4")
    english, chinese = ((site / name).read_text(encoding="utf-8") for name in ("task/l4.html", "zh/task/l4.html"))
    for text, lang in ((english, "en"), (chinese, "zh")):
        assert spec.title[lang] in text and spec.summary[lang][:20] in text  # type: ignore[index]
        assert spec.instruction.zh[0][:30] in text and spec.example.en.input[:30] in text
    assert "macro-F1 over the labels" in english and "各标签的宏平均 F1" in chinese
    mde = table_of(BASE, TUNED, OLD, SHORT).columns[2].mde
    assert mde is not None and f"Detectable difference</th><td>{mde:.3f}</td>" in english
    assert "Best blind baseline" in english and "<small>logistic</small>" in english
    assert "samples.html?model=" in english and english.count('<svg class="chart"') == 2


def test_a_model_page_has_a_command_that_runs_it_again(site: Path) -> None:
    text = next((site / "model").glob("tuned-*.html")).read_text(encoding="utf-8")
    assert "anytasktune eval example/Tuned --tasks L4,M1,S1 --lang zh,en --batch-size 1" in text
    assert text.count('<svg class="chart"') == 3  # against the base, transfer, Chinese against English


def test_every_text_is_there_in_both_languages() -> None:
    def leaves(node: object) -> Iterator[dict[str, str]]:
        assert isinstance(node, dict)
        if set(node) == set(LANGS) and all(isinstance(text, str) for text in node.values()):
            yield node
        else:
            for child in node.values():
                yield from leaves(child)

    found = list(leaves(yaml.safe_load(PATH.read_text(encoding="utf-8"))))
    assert len(found) > 200
    for leaf in found:
        assert leaf["en"].strip() and leaf["zh"].strip()
        assert leaf["en"].replace("%%", "").count("%s") == leaf["zh"].replace("%%", "").count("%s"), leaf
        assert sorted(re.findall(r"\{\w+\}", leaf["en"])) == sorted(re.findall(r"\{\w+\}", leaf["zh"])), leaf
    assert texts("zh")["languages"]["zh"] == "中文" and texts("en")["languages"]["zh"] == "Chinese"


def test_every_text_is_used() -> None:
    folder = PATH.parent
    sources = "".join(path.read_text(encoding="utf-8") for path in [*folder.glob("templates/*.j2"), *folder.glob("*.py"), *folder.glob("static/*.js")])
    by_value = {"categories", "domains", "scopes", "languages", "arrows", "provenance"}  # looked up by what the table holds
    for group, members in texts("en").items():
        for name in members if group not in by_value else ():
            assert re.search(rf"t\.{group}\.{name}\b|\[.{group}.\]\[.{name}.\]|texts\.{name}\b|t\.{group}\[", sources), f"{group}.{name}"


def three(figure: str) -> str:
    return f"{float(figure):.3f}" if figure else "–"


def test_the_csv_the_json_and_the_latex_equal_the_table(site: Path) -> None:
    lines = list(csv.reader(io.StringIO((site / "results.csv").read_text(encoding="utf-8"))))
    head, body = lines[0], lines[1:]
    data = json.loads((site / "data.json").read_text(encoding="utf-8"))
    text = (site / "index.html").read_text(encoding="utf-8")
    latex = [line for line in (site / "results.tex").read_text(encoding="utf-8").split("\n") if line.endswith(r"\\") and not line.startswith(("\\", " "))][1:]
    assert data["models"] == 4
    for line, row, texts_, tex in zip(body, data["rows"], board_rows(text), latex, strict=True):
        fields = dict(zip(head, line, strict=True))
        shown = dict(zip(keys(text), texts_, strict=True))
        assert fields["model"] == row["name"] == shown["name"]
        assert shown["overall both"] == three(fields["overall mean"])
        means = {f"{mean['name']} {mean['lang']}": mean for mean in row["means"]}
        for lang in LANGS:
            assert shown[f"overall {lang}"] == three(str(means.get(f"overall {lang}", {}).get("score", "")))
        assert [fields["overall mean low"], fields["overall mean high"]] == [str(means.get("overall both", {}).get(name, "")) for name in ("low", "high")]
        for domain in ("medicine", "law", "services"):
            assert shown[f"{domain} both"] == three(fields[f"{domain} mean"])
        columns = tex.removesuffix(r" \\").split(" & ")
        assert columns[1] == three(fields["overall mean"]).replace("–", "--")
        for i, column in enumerate(data["columns"]):
            key, cell = column["key"], row["cells"][i]
            values = [cell["score"], *cell["interval"], cell["n"], cell["format_valid"]] if cell else [""] * 5
            assert [fields[f"{key} {name}"] for name in ("score", "low", "high", "n", "format_valid")] == [str(value) for value in values]
            assert shown[key].rstrip("†‡") == three(fields[f"{key} score"]) + fields[f"{key} arrow"]
            assert re.sub(r"\$.*\$", "", columns[2 + i]) == three(fields[f"{key} score"]).replace("–", "--")
            assert ("$" in columns[2 + i]) == bool(fields[f"{key} arrow"])


def data_of(path: Path) -> object:
    name, _, value = path.read_text(encoding="utf-8").removeprefix("board(").removesuffix(");\n").partition(",")
    assert path.as_posix().endswith(f"{json.loads(name)}.js")
    return json.loads(value)


def test_data_files_hold_every_figure_and_every_answer(site: Path) -> None:
    board = data_of(site / "data" / "board.js")
    text = (site / "index.html").read_text(encoding="utf-8")
    assert isinstance(board, dict)
    assert board["keys"] == keys(text)
    for row, shown in zip(board["rows"], board_rows(text), strict=True):
        assert row["label"][0] == shown[0]
        for cell, figure in zip(row["cells"][2:], shown[2:], strict=True):
            assert (cell.split(" ")[0] or "–") == re.sub(r"[^\d.–]", "", figure)
    record, samples = TUNED
    name = next((site / "model").glob("tuned-*.html")).stem
    for task in record.results:
        questions = {row[0]: row for row in data_of(site / "data" / "rows" / f"{task}.0.js")["rows"]}  # type: ignore[index,call-overload]
        answers = {answer[0]: answer for answer in data_of(site / "data" / "answers" / name / f"{task}.0.js")}  # type: ignore[attr-defined]
        for sample in [sample for sample in samples if sample.task == task]:
            assert questions[sample.id][2:] == [sample.input, sample.reference]
            assert answers[sample.id][1:3] == [sample.answer, pytest.approx(sample.score, abs=1e-6)]


def test_a_test_of_many_rows_comes_in_parts(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anytasktune_bench.leaderboard.site import explorer

    monkeypatch.setattr(explorer, "PART", 15)
    split = build(tmp_path, BASE, TUNED)
    whole = data_of(site / "data" / "rows" / "anytasktune_m1_zh.0.js")["rows"]  # type: ignore[index,call-overload]
    found = [row for i in range(3) for row in data_of(split / "data" / "rows" / f"anytasktune_m1_zh.{i}.js")["rows"]]  # type: ignore[index,call-overload]
    assert found == whole and not (split / "data" / "rows" / "anytasktune_m1_zh.3.js").exists()
    board = data_of(split / "data" / "board.js")
    assert {column["parts"] for column in board["columns"] if column.get("code") == "M1"} == {3}  # type: ignore[index,call-overload]
    name = next((split / "model").glob("base-*.html")).stem
    for i in range(3):
        questions, answers = (data_of(split / "data" / folder / f"anytasktune_m1_zh.{i}.js") for folder in ("rows", f"answers/{name}"))
        assert [row[0] for row in questions["rows"]] == [row[0] for row in answers]  # type: ignore[index,call-overload,attr-defined]


def test_equal_records_give_equal_bytes(tmp_path: Path, site: Path) -> None:
    assert files(build(tmp_path, SHORT, OLD, TUNED, BASE, TUNED)) == files(site)


def hostile_pairs() -> list[Pair]:
    pairs = []
    for name in HOSTILE:
        record, samples = make(name, codes=("S1",), langs=("en",), base=name, source=name, revision=name, tuned_on=(name,), dtype=name)
        pairs.append(resampled((record, samples), [samples[0].model_copy(update={"input": name + "</script>", "reference": name}), *samples[1:]]))
    return pairs


def test_hostile_names_are_harmless(tmp_path: Path) -> None:
    site = build(tmp_path, *hostile_pairs())
    assert len(list((site / "model").iterdir())) == len(HOSTILE)
    assert all(re.fullmatch(r"[a-z0-9.-]{1,80}\.html", path.name) and not path.name.startswith(".") for path in (site / "model").iterdir())
    for _, text in html_pages(site):
        parsed = Page(text)
        assert "img" not in {tag for tag, _ in parsed.tags}
        assert all(attributes.get("src") for attributes in parsed.all("script"))
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)
        assert "x" * 3000 not in text
        assert all(tag in ("bdi", "title", "span", "text", "pre") for tag, data in parsed.texts if "alert(1)" in data)
    for path in (site / "data").rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert "<" not in text and not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)
        data_of(path)
    shown = board_rows((site / "index.html").read_text(encoding="utf-8"))
    assert len({row[0] for row in shown}) == len(HOSTILE)
    rows = list(csv.reader(io.StringIO((site / "results.csv").read_text(encoding="utf-8"))))[1:]
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert not any(field.lstrip(" ").startswith(("=", "+", "-", "@", "\t")) for field in row[:4])
        assert len(row) == 4 + 3 + 3 + 3 + 6
    assert {row[1] for row in rows} >= {"'=HYPERLINK(0)", "'+1", "'-1", "'@SUM(A1)"}
    latex = (site / "results.tex").read_text(encoding="utf-8")
    assert r"\textbackslash{}input\{x\} \$1\textasciicircum{}2\_3 \& 50\% \textasciitilde{}\#" in latex


def test_show_replaces_what_could_move_other_text() -> None:
    assert show("a\u202eb\x00c\u2028d\ufeffe") == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert show("医疗 模型 é 👍") == "医疗 模型 é 👍"
    assert show("x" * 81) == "x" * 79 + "…"
    assert show("x" * 80) == "x" * 80


def test_rows_are_named_by_what_is_unusual_about_them() -> None:
    settings = [{}, {"implicit": True}, {"limit": 10}, {"num_fewshot": 3}, {"num_fewshot": 3, "implicit": True, "limit": 10}]
    rows = table_of(*(make("A", codes=("S1",), langs=("en",), settings=s) for s in settings)).rows
    assert set(labels(rows, "en")) == {"A", "A (implicit)", "A (first 10 rows)", "A (3-shot)", "A (3-shot, implicit, first 10 rows)"}
    assert set(labels(rows, "zh")) == {"A", "A（隐式）", "A（前 10 行）", "A（3 样例）", "A（3 样例，隐式，前 10 行）"}
    assert len({slug(row) for row in rows}) == 5


def test_the_address_of_a_model_stays_when_others_come() -> None:
    alone, among = (next(slug(row) for row in table_of(*pairs).rows if row.model.name == "Base") for pairs in ([BASE], [SHORT, TUNED, make("Base", revision="2"), BASE]))
    assert alone.rpartition("-")[0] == among.rpartition("-")[0] == "base"
    assert alone in {slug(row) for row in table_of(SHORT, BASE, make("Base", revision="2")).rows}


def test_models_that_would_look_alike_are_told_apart() -> None:
    long = "x" * 100
    rows = table_of(*(make(long + end, codes=("S1",), langs=("en",)) for end in "ab"), make("A", codes=("S1",), langs=("en",))).rows
    names = labels(rows, "en")
    assert len(set(names)) == 3
    assert "A" in names
    assert all(re.search(r"… \[[0-9a-f]{8}\]$", name) for name in names if name != "A")


def test_a_board_of_one_column_has_no_mean_of_its_domain(tmp_path: Path) -> None:
    page = (build(tmp_path, make("A", codes=("S1",), langs=("en",))) / "index.html").read_text(encoding="utf-8")
    assert keys(page) == ["name", "size", "overall en", "S1 en"]


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"thesis\.tex, which is no part of a site"):
        build(tmp_path, BASE)
    assert (tmp_path / "site" / "thesis.tex").read_text(encoding="utf-8") == "mine"
    with pytest.raises(OutputError, match="is a file"):
        build(tmp_path, BASE, out="site/thesis.tex")


def test_a_failed_build_leaves_the_old_site(tmp_path: Path) -> None:
    site = build(tmp_path, BASE)
    before = files(site)
    record, samples = TUNED
    with pytest.raises(RecordError):
        build(tmp_path, BASE, (record.model_copy(update={"samples_sha256": "0" * 64}), samples))
    assert files(site) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "site"]


def test_a_site_is_replaced_unless_something_was_put_into_it(tmp_path: Path) -> None:
    assert json.loads((build(tmp_path, BASE) / "data.json").read_text(encoding="utf-8"))["models"] == 1
    assert json.loads((build(tmp_path, BASE, TUNED) / "data.json").read_text(encoding="utf-8"))["models"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "site"]
    (tmp_path / "site" / "CNAME").write_text("example.org", encoding="utf-8")
    with pytest.raises(OutputError, match="CNAME"):
        build(tmp_path, BASE)


def test_no_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="anytasktune eval"):
        build_site([], tmp_path / "site", CATALOG)


def test_exports_do_not_depend_on_the_folder_names() -> None:
    table = table_of(BASE, TUNED)
    assert json.dumps(to_json(table), allow_nan=False)
    assert to_csv(table).count("\n") == 3
    assert to_latex(table).count(r"\midrule") == 2


def test_the_command_prints_the_page_and_finds_records_at_any_depth(tmp_path: Path) -> None:
    write_record(tmp_path / "results" / "a" / "b", *BASE)
    write_record(tmp_path / "results" / "c", *TUNED)
    arguments = ["build", str(tmp_path / "results"), str(tmp_path / "results" / "c"), "--out", str(tmp_path / "site")]
    plain = CliRunner().invoke(leaderboard, arguments, catch_exceptions=False)
    assert (plain.exit_code, plain.output) == (0, f"{tmp_path / 'site' / 'index.html'}\n")
    as_json = CliRunner().invoke(leaderboard, [*arguments, "--json"], catch_exceptions=False)
    assert json.loads(as_json.output) == {"index": str(tmp_path / "site" / "index.html"), "models": 2}


def test_the_command_names_a_folder_without_records(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=re.escape(str(tmp_path))):
        CliRunner().invoke(leaderboard, ["build", str(tmp_path), "--out", str(tmp_path / "site")], catch_exceptions=False)


def test_serve_shows_the_site_on_the_loopback_address_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    write_record(tmp_path / "results" / "base", *BASE)
    command = [sys.executable, "-m", "anytasktune_bench", "leaderboard", "serve", str(tmp_path / "results"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as server:
        assert server.stdout is not None and server.stderr is not None
        address = server.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(f"{address}zh/about.html") as response:
            assert "排行榜" in response.read().decode("utf-8")
        taken = subprocess.run([*command[:-1], address.rstrip("/").rpartition(":")[2]], capture_output=True, text=True, env=dict(os.environ))
        assert taken.returncode == 1 and "--port" in taken.stderr
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=20) == 0
        assert "ended" in server.stderr.read()


def test_a_score_of_0_is_never_marked_best(tmp_path: Path) -> None:
    record, samples = make("A", 1.0, codes=("L4",))
    wrong = [sample.model_copy(update={"answer": ""}) for sample in samples]
    results = {name: result.model_copy(update={"metrics": {**result.metrics, "score": 0.0}}) for name, result in record.results.items()}
    nothing = [(record.model_copy(update={"model": record.model.model_copy(update={"name": name}), "results": results}), wrong) for name in ("B", "C")]
    board = Board(build_table(nothing, CATALOG), CATALOG, {})
    assert all(cell and cell.standing and cell.standing.is_best for row in board.table.rows for cell in row.cells)
    assert not any(board.is_best(row, place) for row in board.table.rows for place in range(2))
    best = Board(build_table([(record, samples), *nothing], CATALOG), CATALOG, {})
    assert [[best.is_best(row, place) for place in range(2)] for row in best.table.rows] == [[True, True], [False, False], [False, False]]
