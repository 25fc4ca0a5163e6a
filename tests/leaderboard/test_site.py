"""The built site: structure, hostile names, exports that equal the table, identical rebuilds, and folders that are never lost."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from anytasktune_bench.cli.leaderboard import leaderboard
from anytasktune_bench.errors import OutputError, RecordError
from anytasktune_bench.leaderboard.site import FILES, build_site, labels, show, to_csv, to_json
from anytasktune_bench.records import write_record
from tests.leaderboard.test_table import BASE, CATALOG, TUNED, Pair, make, table_of

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
]
VOID = {"meta", "link", "img"}


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


def main_table(page: str) -> list[list[str]]:
    """The texts of the first table's body, cell by cell, without category rows; marks after a figure are kept."""
    body = page.split("</table>")[0].split("</thead>")[1]
    rows = re.findall(r"<tr(?! class=\"category\")[^>]*>(.*?)</tr>", body, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in row] for row in cells]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"), BASE, TUNED, OLD, SHORT)


@pytest.fixture(params=["index.html", "zh/index.html"])
def page(request: pytest.FixtureRequest, site: Path) -> str:
    return (site / request.param).read_text(encoding="utf-8")


def test_a_site_is_five_files(site: Path) -> None:
    assert {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()} == FILES
    assert not list(site.parent.glob(".*"))


def test_pages_are_well_formed_and_say_their_language(site: Path) -> None:
    for name, lang, other in (("index.html", "en", "zh/index.html"), ("zh/index.html", "zh-Hans", "../index.html")):
        parsed = Page((site / name).read_text(encoding="utf-8"))
        assert parsed.all("html") == [{"lang": lang, "dir": "ltr"}]
        links = [a["href"] for a in parsed.all("a")]
        assert other in links
        assert all((site / name).parent.joinpath(link).resolve().is_file() for link in links if link and not link.startswith("#"))


def test_nothing_runs_and_nothing_is_fetched_from_elsewhere(page: str) -> None:
    parsed = Page(page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img", "iframe", "object", "embed", "style", "form"}
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on") or name in ("style", "src")]
    assert "http:" not in page
    assert "https:" not in page
    assert "default-src 'none'" in page


def test_anchors_lead_somewhere_and_ids_are_unique(page: str) -> None:
    parsed = Page(page)
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(a["href"] or "")[1:] for a in parsed.all("a") if (a["href"] or "").startswith("#")}
    targets |= {str(attributes[name]) for _, attributes in parsed.tags for name in attributes if name == "aria-labelledby"}
    assert targets <= set(ids)


def test_the_table_has_caption_scopes_and_row_groups(page: str) -> None:
    table = page.split("</table>")[0]
    parsed = Page(table[table.index("<table") :] + "</table>")
    assert len(parsed.all("caption")) == 1
    assert all("scope" in th for th in parsed.all("th"))
    assert sum(th["scope"] == "rowgroup" for th in parsed.all("th")) == 2
    assert sum(th["scope"] == "row" for th in parsed.all("th")) == 4
    assert [th.get("colspan") for th in parsed.all("th") if th["scope"] == "colgroup"] == ["3", "3", "3"]
    widths = {len(row) for row in main_table(page)}
    assert widths == {2 + 6 + 3}


def test_the_table_shows_figures_arrows_marks_and_missing_cells(site: Path) -> None:
    rows = main_table((site / "index.html").read_text(encoding="utf-8"))
    assert [row[0] for row in rows] == ["Base base model", "Short", "Old tuned base: Base", "Tuned base: Base"]
    base, short, old, tuned = rows
    assert all(re.fullmatch(r"0\.\d{3}", figure) for figure in base[1:])
    assert [i for i, text in enumerate(short[1:]) if text != "–"] == [1]
    assert old[1:] == ["–", "–*", "–*", "–", "–*", "–*", "–", "–*", "–*", "–"]
    marks = [re.sub(r"[\d.]", "", text) for text in tuned[1:]]
    assert [marks[i] for i in (0, 1, 2, 3, 6, 7, 8, 9)] == ["", "▲†", "▲†", "", "", "▼", "▼", ""]


def test_interval_and_n_stand_in_the_title_and_in_the_details(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    cell = table_of(BASE, TUNED, OLD, SHORT).rows[0].cells[0]
    assert cell is not None
    interval = f"{cell.interval[0]:.3f}–{cell.interval[1]:.3f}"
    assert f'title="95 % CI {interval}, n = {cell.n}"' in page
    details = page.split('<details id="row-0">')[1].split("</details>")[0]
    assert f"<td>{interval}</td>" in details
    assert f"<td>{cell.n}</td>" in details
    assert cell.fingerprint[:11] in details


def test_the_page_says_what_was_tuned_on_what_and_why_results_are_left_out(site: Path) -> None:
    english, chinese = ((site / name).read_text(encoding="utf-8") for name in ("index.html", "zh/index.html"))
    for text in ("Not comparable: scored on another edition", "<bdi>S1</bdi>, <bdi>L4</bdi>", "Benchmark version", "legal, medical or financial advice", "0.0.9"):
        assert text in english
    for text in ("不可比", "<bdi>S1</bdi>、<bdi>L4</bdi>", "基准版本", "不构成法律、医疗或金融建议", "任务微调模型", "医疗"):
        assert text in chinese


def three(figure: str) -> str:
    return f"{float(figure):.3f}" if figure else "–"


def test_the_csv_and_the_json_equal_the_table(site: Path) -> None:
    lines = list(csv.reader(io.StringIO((site / "results.csv").read_text(encoding="utf-8"))))
    head, body = lines[0], lines[1:]
    data = json.loads((site / "data.json").read_text(encoding="utf-8"))
    shown = main_table((site / "index.html").read_text(encoding="utf-8"))
    assert data["models"] == 4
    for line, row, texts in zip(body, data["rows"], shown, strict=True):
        fields = dict(zip(head, line, strict=True))
        means = iter([fields["medicine mean"], fields["law mean"], fields["services mean"]])
        expected = [three(fields["overall"])]
        for i, column in enumerate(data["columns"]):
            key, cell = column["key"], row["cells"][i]
            expected.append(three(fields[f"{key} score"]) + fields[f"{key} arrow"])
            values = [cell["score"], *cell["interval"], cell["n"], cell["format_valid"]] if cell else [""] * 5
            assert [fields[f"{key} {name}"] for name in ("score", "low", "high", "n", "format_valid")] == [str(value) for value in values]
            if i % 2:
                expected.append(three(next(means)))
        assert [text.rstrip("†*") for text in texts[1:]] == expected


def test_equal_records_give_equal_bytes(tmp_path: Path, site: Path) -> None:
    again = build(tmp_path, SHORT, OLD, TUNED, BASE, TUNED)
    assert {name: (again / name).read_bytes() for name in FILES} == {name: (site / name).read_bytes() for name in FILES}


def test_hostile_names_are_harmless(tmp_path: Path) -> None:
    pairs = [make(name, codes=("S1",), langs=("en",), base=name, source=name, revision=name, tuned_on=(name,), dtype=name) for name in HOSTILE]
    site = build(tmp_path, *pairs)
    for name in ("index.html", "zh/index.html"):
        text = (site / name).read_text(encoding="utf-8")
        parsed = Page(text)
        assert not {"script", "img"} & {tag for tag, _ in parsed.tags}
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b]", text)
        assert "x" * 3000 not in text
        assert len(main_table(text)) == len(HOSTILE)
        assert len({row[0] for row in main_table(text)}) == len(HOSTILE)
        assert all(tag == "bdi" for tag, data in parsed.texts if "alert(1)" in data or "שלום" in data)
    rows = list(csv.reader(io.StringIO((site / "results.csv").read_text(encoding="utf-8"))))[1:]
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert not any(field.lstrip(" ").startswith(("=", "+", "-", "@", "\t")) for field in row[:4])
        assert len(row) == 4 + 3 + 1 + 1 + 6
    assert {row[1] for row in rows} >= {"'=HYPERLINK(0)", "'+1", "'-1", "'@SUM(A1)"}


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


def test_models_that_would_look_alike_are_told_apart() -> None:
    long = "x" * 100
    rows = table_of(*(make(long + end, codes=("S1",), langs=("en",)) for end in "ab"), make("A", codes=("S1",), langs=("en",))).rows
    names = labels(rows, "en")
    assert len(set(names)) == 3
    assert "A" in names
    assert all(re.search(r"… \[[0-9a-f]{8}\]$", name) for name in names if name != "A")


def test_a_domain_of_one_column_has_no_mean_column(tmp_path: Path) -> None:
    page = (build(tmp_path, make("A", codes=("S1",), langs=("en",))) / "index.html").read_text(encoding="utf-8")
    assert [len(row) for row in main_table(page)] == [3]
    assert 'scope="colgroup" class="first" colspan="1"' in page


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
    before = {name: (site / name).read_bytes() for name in FILES}
    record, samples = TUNED
    with pytest.raises(RecordError):
        build(tmp_path, BASE, (record.model_copy(update={"samples_sha256": "0" * 64}), samples))
    assert {name: (site / name).read_bytes() for name in FILES} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "site"]


def test_a_site_is_replaced(tmp_path: Path) -> None:
    assert json.loads((build(tmp_path, BASE) / "data.json").read_text(encoding="utf-8"))["models"] == 1
    assert json.loads((build(tmp_path, BASE, TUNED) / "data.json").read_text(encoding="utf-8"))["models"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "site"]


def test_no_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="anytasktune eval"):
        build_site([], tmp_path / "site", CATALOG)


def test_json_and_csv_do_not_depend_on_the_folder_names() -> None:
    table = table_of(BASE, TUNED)
    assert json.dumps(to_json(table), allow_nan=False)
    assert to_csv(table).count("\n") == 3


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


def test_help_has_a_worked_example() -> None:
    assert "anytasktune leaderboard build leaderboard/results --out leaderboard/site" in CliRunner().invoke(leaderboard, ["build", "--help"]).output
