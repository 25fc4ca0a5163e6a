"""What cards are made of: prose per domain, the changelog, figures of this edition only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data import prose as sources
from anytasktune_bench.data.build import written
from anytasktune_bench.data.cards import card, changelog
from anytasktune_bench.data.content import survey
from anytasktune_bench.data.problems import Rows
from anytasktune_bench.data.prose import prose, readings, releases
from anytasktune_bench.data.similarity import COSINE_ACROSS, JACCARD_ACROSS, JACCARD_WITHIN, likeness
from anytasktune_bench.data.tables import COLUMNS, ROW_GROUP, _fingerprint
from anytasktune_bench.errors import DataError, RowError
from anytasktune_bench.files import sha256_json
from anytasktune_bench.rows import iter_rows
from anytasktune_bench.spec import DOMAINS, LANGS
from anytasktune_bench.version import __version__

CACHED = (sources.readings, sources.releases, sources.summary, sources.reference_scores)


@pytest.fixture
def other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the cards' sources, to change."""
    for path in sources.sources_path().glob("*.[jy]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(sources, "sources_path", lambda: tmp_path)
    for cached in CACHED:
        cached.cache_clear()
    yield tmp_path
    for cached in CACHED:
        cached.cache_clear()


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_prose_of_a_domain_speaks_of_its_sub_tasks(domain: str) -> None:
    words = prose(domain)  # type: ignore[arg-type]
    codes = [spec.code for spec in load_catalog().select(domain)]
    assert all(code in words.summary[lang] for code in codes for lang in LANGS)
    assert ("不是" in words.misuse.zh or "不构成" in words.misuse.zh) and "not" in words.misuse.en and len(words.bias) >= 3


def test_no_two_domains_share_a_sentence() -> None:
    seen: dict[str, str] = {}
    for domain in DOMAINS:
        words = prose(domain)
        texts = (words.summary.en, words.actions, words.writing, words.sensitive, words.use, words.misuse.en, *words.bias)
        for sentence in {sentence.strip() for text in texts for sentence in " ".join(text.split()).split(". ")}:
            assert seen.setdefault(sentence, domain) == domain, sentence


def test_the_changelog_begins_with_this_version_and_keeps_to_the_domain(other_sources: Path) -> None:
    assert releases()[0].version == __version__
    assert "(L2)" in changelog("law") and "(L2)" not in changelog("hr") and "(H3)" in changelog("hr")
    (other_sources / "changelog.yaml").write_text("- {version: 9.9.9, released: null, changes: [{text: x}]}\n", encoding="utf-8")
    releases.cache_clear()
    with pytest.raises(DataError, match=r"does not begin with version"):
        releases()
    (other_sources / "changelog.yaml").write_text("- {version: 9.9.9}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"changelog\.yaml: cannot be read as Releases"):
        releases()


def test_a_release_date_stands_in_card_changelog_and_nowhere_before(other_sources: Path) -> None:
    contents = [survey(load_catalog().get("S1"), lang) for lang in LANGS]
    assert "has not been published on the Hub yet" in card(contents)
    text = (other_sources / "changelog.yaml").read_text(encoding="utf-8")
    (other_sources / "changelog.yaml").write_text(text.replace("released: null", "released: 2030-01-31"), encoding="utf-8")
    releases.cache_clear()
    assert "has not been published" not in card(contents) and "(2030-01-31)" in card(contents) and "2030-01-31" in changelog("services")


def test_every_domain_has_samples_that_were_read() -> None:
    for domain in DOMAINS:
        together, samples = readings().of(domain)
        assert domain in together and samples[-1].n == 60
    assert readings().of("nothing") == ("", ())


def test_a_card_shows_scores_of_just_its_edition(other_sources: Path) -> None:
    contents = [survey(load_catalog().get("S1"), lang) for lang in LANGS]
    line = {"num_fewshot": 0, "tuned": False, "n": 40, "score": 0.5, "low": 0.4, "high": 0.6, "format_valid": 1.0}
    scores = [{**line, "model": "this", "eval_fingerprint": contents[0].eval_fingerprint}, {**line, "model": "of-another-edition", "eval_fingerprint": "0" * 64}]
    (other_sources / "reference_scores.json").write_text(json.dumps({"anytasktune_s1_zh": scores}), encoding="utf-8")
    text = card(contents)
    assert "| `review_descriptors_zh` | this | 0 | 0.500 [0.400, 0.600] | 1.00 |" in text and "of-another-edition" not in text


def test_a_sub_task_without_measured_figures_has_a_card_all_the_same(other_sources: Path) -> None:
    (other_sources / "summary.json").write_text("{}", encoding="utf-8")
    assert "## 15. Citation" in card([survey(load_catalog().get("S1"), "en")])


def test_the_most_alike_rows_are_under_the_limits_and_a_copy_is_at_one() -> None:
    rows = Rows.read(load_catalog().get("S1"))
    found = likeness(rows, "en")
    assert found["jaccard_within"] < JACCARD_WITHIN and found["jaccard_across"] < JACCARD_ACROSS and found["cosine_across"] < COSINE_ACROSS
    rows.rows["test", "en"].append(rows.rows["train", "en"][0])
    assert likeness(rows, "en")["jaccard_across"] == pytest.approx(1.0) == likeness(rows, "en")["cosine_across"]


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_a_fingerprint_row_by_row_is_that_of_the_whole(train: list[str], validation: list[str]) -> None:
    tables = {name: [dict.fromkeys(COLUMNS, text) for text in texts] for name, texts in (("train", train), ("validation", validation))}
    head = {"instructions": ["“a”\n"], "prompt": "1"}
    assert _fingerprint(head, **tables) == sha256_json({**head, **tables})


def test_rows_are_written_in_groups_while_they_pass(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    records = [{column: f"{column}-{number}" for column in COLUMNS} for number in range(2 * ROW_GROUP + 1)]
    taken = 0

    def source() -> Iterator[dict[str, str]]:
        nonlocal taken
        for record in records:
            taken += 1
            yield record

    passing = written(source(), tmp_path / "x.parquet")
    assert next(passing) == records[0] and taken == ROW_GROUP
    assert [records[0], *passing] == records
    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [ROW_GROUP, ROW_GROUP, 1]
    assert file.read().to_pylist() == records


def test_a_broken_line_is_told_after_the_good_rows(tmp_path: Path) -> None:
    from anytasktune_bench.rows import rows_path

    good = rows_path(load_catalog().get("S1").folder, "test", "en").read_text(encoding="utf-8").splitlines()[:2]
    path = tmp_path / "rows" / "test.en.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join([good[0], "{", good[1]]), encoding="utf-8")
    passing = iter_rows(path)
    assert [next(passing).id, next(passing).id] == [json.loads(line)["id"] for line in good]
    with pytest.raises(RowError, match=r"test\.en\.jsonl:2: broken JSON"):
        next(passing)
