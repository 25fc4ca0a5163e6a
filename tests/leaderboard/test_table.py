"""The table: columns, rows, arrows, means, and what stays out. Records are made from the real test rows; other tests import `make` from here."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import eval_fingerprint, source_rows, to_record
from anytasktune_bench.errors import RecordError
from anytasktune_bench.files import sha256_json
from anytasktune_bench.leaderboard.effects import PairedTest, language_gap, mean_difference, seed_spread
from anytasktune_bench.leaderboard.standing import Standing, minimum_detectable_effect, separation
from anytasktune_bench.leaderboard.statistics import holm, paired_difference, wilson
from anytasktune_bench.leaderboard.table import Cell, Table, build_table
from anytasktune_bench.metrics import SCORER_VERSION, aggregate, score_answer
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import ModelInfo, Record, Sample, Settings, TaskResult, samples_sha256

CATALOG = load_catalog()
CODES = ("M1", "L4", "S1")

Pair = tuple[Record, list[Sample]]


def make(
    name: str,
    right: float | dict[str, float] = 0.8,
    *,
    codes: tuple[str, ...] = CODES,
    langs: tuple[str, ...] = ("zh", "en"),
    seed: int = 0,
    fingerprint: str | None = None,
    version: str = "0.1.0",
    started: str = "2026-01-01T00:00:00Z",
    settings: dict[str, Any] | None = None,
    **model: Any,
) -> Pair:
    """A record over real test rows: each row is answered with its own output with probability `right` (by code), else with another row's."""
    chosen = Settings(prompt_version=PROMPT_VERSION, scorer_version=SCORER_VERSION, **(settings or {}))
    draw = random.Random(f"{name}/{seed}")
    samples: list[Sample] = []
    results: dict[str, TaskResult] = {}
    for spec in CATALOG.select(codes):
        for lang in langs:
            rows = source_rows(spec, "test", lang)
            share = right if isinstance(right, float) else right[spec.code]
            scored = []
            for row in rows[: chosen.limit]:
                wrong = draw.choice([other.output for other in rows if other.output != row.output])
                answer = row.output if draw.random() < share else wrong
                score = score_answer(spec, lang, answer, row.gold, row.output, row.input)
                scored.append(score)
                samples.append(
                    Sample(
                        task=spec.task_name(lang), id=row.id, group=row.group, prompt_sha256=sha256_json(row.input), input=row.input, answer=answer,
                        reference=row.output, gold=row.gold, score=score.score, values=score.values, labels=score.labels,
                    )
                )  # fmt: skip
            results[spec.task_name(lang)] = TaskResult(
                subtask=spec.code, lang=lang, n=len(scored), metrics=aggregate(spec, scored), empty=0, invalid=0, truncated=0,
                eval_fingerprint=fingerprint or eval_fingerprint(spec, lang, [to_record(spec, row) for row in rows]),
            )  # fmt: skip
    record = Record(
        version=version, model=ModelInfo(**{"name": name, "source": f"example/{name[:20]}"} | model), settings=chosen, results=results,
        versions={"anytasktune-bench": version, "transformers": "5.17.0"}, samples_sha256=samples_sha256(samples), started=started,
    )  # fmt: skip
    return record, samples


BASE = make("Base", {"M1": 0.4, "L4": 0.5, "S1": 0.4})
TUNED = make("Tuned", {"M1": 0.9, "L4": 0.55, "S1": 0.05}, category="task-fine-tuned", base="Base", tuned_on=("M1",))


def table_of(*pairs: Pair) -> Table:
    return build_table(pairs, CATALOG)


def cell(table: Table, name: str, key: str, row: int = 0) -> Cell:
    found = [r for r in table.rows if r.model.name == name][row].cells[[c.key for c in table.columns].index(key)]
    assert found is not None
    return found


def altered(pair: Pair, **changes: Any) -> Pair:
    return pair[0].model_copy(update=changes), pair[1]


def resampled(pair: Pair, samples: list[Sample]) -> Pair:
    return pair[0].model_copy(update={"samples_sha256": samples_sha256(samples)}), samples


def test_columns_are_the_occurring_ones_in_catalog_order() -> None:
    assert [c.key for c in table_of(BASE).columns] == ["M1 zh", "M1 en", "L4 zh", "L4 en", "S1 zh", "S1 en"]
    assert [c.key for c in table_of(make("A", codes=("S1",), langs=("en",)), make("B", codes=("M1",), langs=("zh",))).columns] == ["M1 zh", "S1 en"]


def test_rows_stand_by_category_and_base_models_first() -> None:
    pairs = [
        TUNED,
        make("Aardvark", codes=("M1",)),
        make("Law model", codes=("L4",), category="domain"),
        BASE,
        make("GPT", category="closed"),
        make("Base", codes=("M1",), settings={"num_fewshot": 3}),
    ]
    rows = table_of(*pairs).rows
    assert [(r.model.name, r.settings.num_fewshot) for r in rows] == [("GPT", 0), ("Base", 0), ("Base", 3), ("Aardvark", 0), ("Law model", 0), ("Tuned", 0)]
    assert [r.is_base for r in rows] == [False, True, False, False, False, False]
    assert table_of(*reversed(pairs)) == table_of(*pairs)


def test_a_cell_holds_what_the_samples_give() -> None:
    table = table_of(BASE)
    result = BASE[0].results["anytasktune_l4_en"]
    found = cell(table, "Base", "L4 en")
    assert (found.n, found.fingerprint, found.score) == (result.n, result.eval_fingerprint, round(result.metrics["score"], 6))
    assert found.interval[0] < found.score < found.interval[1]
    assert found.format_valid == 1.0
    assert found.format_interval == pytest.approx(wilson(result.n, result.n), abs=1e-6)


def test_invalid_answers_lower_format_valid() -> None:
    record, samples = make("Rambler", 1.0, codes=("L4",), langs=("en",))
    spec = CATALOG.get("L4")
    broken = [s.model_copy(update={"answer": "I cannot say."}) if i % 4 == 0 else s for i, s in enumerate(samples)]
    scores = [s.as_score(spec) for s in broken]
    result = record.results["anytasktune_l4_en"].model_copy(update={"metrics": aggregate(spec, scores)})
    found = cell(table_of(resampled((record.model_copy(update={"results": {"anytasktune_l4_en": result}}), broken), broken)), "Rambler", "L4 en")
    assert found.format_valid == pytest.approx(0.75, abs=0.01)
    assert found.score < 1.0


def test_differences_are_those_of_the_paired_samples_and_adjusted_over_the_row() -> None:
    table = table_of(BASE, TUNED)
    cells = [cell(table, "Tuned", c.key) for c in table.columns]
    raw = []
    for found, column in zip(cells, table.columns, strict=True):
        a, b = ([s for s in pair[1] if s.task == column.spec.task_name(column.lang)] for pair in (TUNED, BASE))
        expected = paired_difference(column.spec, [s.as_score(column.spec) for s in a], [s.as_score(column.spec) for s in b], [s.group for s in a])
        assert found.difference is not None
        assert dataclasses.astuple(found.difference) == pytest.approx(dataclasses.astuple(expected), abs=1e-6)
        raw.append(expected.p_value)
    assert [c.p_adjusted for c in cells] == pytest.approx(holm(raw), abs=1e-6)
    assert [cells[i].arrow for i in (0, 1, 4, 5)] == ["▲", "▲", "▼", "▼"]
    assert [c.tuned for c in cells] == [True, True, False, False, False, False]
    assert [c.arrow for c in table.rows[0].cells if c] == [""] * 6


def test_arrows_are_solid_only_where_significant_after_holm() -> None:
    seen = set()
    for seed in range(8):
        table = table_of(make("High", 0.65, seed=seed, base="Low"), make("Low", 0.45, seed=seed, base="High"))
        for found in [c for row in table.rows for c in row.cells if c]:
            assert found.difference is not None
            assert found.p_adjusted is not None
            up, significant = found.difference.delta > 0, found.p_adjusted <= 0.05
            assert found.arrow == (("▲" if up else "▼") if significant else ("△" if up else "▽") if found.difference.delta else "")
            seen.add((found.arrow, found.difference.p_value <= 0.05))
    assert seen >= {("▲", True), ("▼", True), ("△", True), ("▽", True), ("△", False), ("▽", False)}  # hollow ones that Holm alone made so among them


def test_equal_scores_get_no_arrow() -> None:
    record, samples = BASE
    twin = record.model_copy(update={"model": ModelInfo(name="Twin", source="example/twin", base="Base", category="task-fine-tuned")})
    cells = table_of(BASE, (twin, samples)).rows[1].cells
    assert all(c and c.arrow == "" and c.difference is not None and c.difference.delta == 0 and c.p_adjusted == 1 for c in cells)


@pytest.mark.parametrize(
    ("tuned", "base"),
    [
        ({"num_fewshot": 3}, {}),
        ({}, {"num_fewshot": 3}),
        ({"num_fewshot": 3}, {"num_fewshot": 3}),
        ({"implicit": True}, {}),
        ({"limit": 20}, {}),
        ({}, {"limit": 20}),
        ({"limit": 100_000}, {}),
    ],
)
def test_only_like_settings_are_compared(tuned: dict[str, Any], base: dict[str, Any]) -> None:
    table = table_of(make("Base", 0.1, settings=base), make("Tuned", 1.0, settings=tuned, base="Base"))
    assert all(c and c.difference is None and c.arrow == "" for row in table.rows for c in row.cells)


@pytest.mark.parametrize("settings", [{"implicit": True}, {"limit": 20}])
def test_equal_unusual_settings_are_compared(settings: dict[str, Any]) -> None:
    table = table_of(BASE, make("Base", 0.1, settings=settings), make("Tuned", 1.0, settings=settings, base="Base"))
    assert [c and c.arrow for c in table.rows[-1].cells] == ["▲"] * 6


def test_a_base_cell_on_other_rows_or_other_gold_is_not_compared() -> None:
    record, samples = make("Base", 0.2, codes=("S1",), langs=("en",))
    tuned = make("Tuned", 1.0, codes=("S1",), langs=("en",), base="Base")
    assert cell(table_of((record, samples), tuned), "Tuned", "S1 en").arrow == "▲"
    for change in ({"id": "S1-en-9999"}, {"group": "another"}):
        other = [samples[0].model_copy(update=change), *samples[1:]]
        assert cell(table_of(resampled((record, samples), other), tuned), "Tuned", "S1 en").difference is None


def test_a_missing_base_gives_no_arrow_and_a_model_is_not_its_own_base() -> None:
    assert all(c and c.difference is None for c in table_of(TUNED).rows[0].cells)
    assert all(c and c.difference is None for c in table_of(make("Base", base="Base")).rows[0].cells)


def test_a_column_holds_the_fingerprint_of_most_results() -> None:
    old = [make(name, codes=("M1",), langs=("en",), fingerprint="old", version="0.0.9") for name in ("A", "B")]
    new = make("C", codes=("M1",), langs=("en",), fingerprint="new", version="0.1.0")
    table = table_of(*old, new)
    assert table.columns[0].fingerprint == "old"
    assert [row.cells[0] is None for row in table.rows] == [False, False, True]
    assert [(n.column, n.reason, n.version, n.fingerprint) for n in table.rows[2].notes] == [("M1 en", "other_fingerprint", "0.1.0", "new")]
    assert table.rows[2].means == {}


def test_a_tie_of_fingerprints_goes_to_the_newest_version() -> None:
    table = table_of(make("A", codes=("M1",), fingerprint="zzz", version="0.9.1"), make("B", codes=("M1",), fingerprint="aaa", version="0.10.0"))
    assert {c.fingerprint for c in table.columns} == {"aaa"}
    assert [c is None for c in table.rows[0].cells] == [True, True]


def test_fingerprints_of_different_editions_are_never_compared() -> None:
    base = make("Base", 0.1, codes=("M1", "S1"), fingerprint="old", version="0.0.9")
    table = table_of(base, make("Tuned", 1.0, codes=("M1", "S1"), base="Base"))
    assert [row.cells.count(None) for row in table.rows] == [4, 0]
    assert all(c and c.difference is None for c in table.rows[1].cells)


def test_means_weigh_domains_alike_and_need_every_column() -> None:
    full, part = table_of(BASE, make("Part", codes=("M1", "S1"))).rows
    scores = [c.score for c in full.cells if c]
    wanted = {"medicine": (scores[0] + scores[1]) / 2, "law": (scores[2] + scores[3]) / 2, "services": (scores[4] + scores[5]) / 2}
    found = {name: mean.score for (name, lang), mean in full.means.items() if lang == "both"}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    assert found["overall"] == pytest.approx(sum(wanted.values()) / 3, abs=1e-6)
    assert all(mean.low <= mean.score <= mean.high for mean in full.means.values())
    assert {name for name, _ in part.means} == {"medicine", "services"}
    assert part.cells[2] is part.cells[3] is None


def test_overall_weighs_domains_alike_where_they_have_unlike_numbers_of_columns() -> None:
    record, samples = BASE
    kept = {name: result for name, result in record.results.items() if name != "anytasktune_m1_zh"}
    row = table_of(altered((record, [s for s in samples if s.task in kept]), results=kept)).rows[0]
    scores = [c.score for c in row.cells if c]
    assert row.means["overall", "both"].score == pytest.approx((scores[0] + (scores[1] + scores[2]) / 2 + (scores[3] + scores[4]) / 2) / 3, abs=1e-6)


def test_rows_under_a_limit_take_no_mean() -> None:
    row = table_of(make("Quick", settings={"limit": 10})).rows[0]
    assert [c and c.n for c in row.cells] == [10] * 6
    assert row.means == {}


def test_settings_and_weights_make_rows_and_sub_tasks_do_not() -> None:
    parts = [make("A", codes=(code,)) for code in CODES]
    assert [row.cells.count(None) for row in table_of(*parts).rows] == [0]
    variants = [make("A", settings=s) for s in ({}, {"num_fewshot": 3}, {"implicit": True}, {"limit": 10})]
    assert len(table_of(*variants).rows) == 4
    assert len(table_of(make("A", revision="1"), make("A", revision="2")).rows) == 2


def test_an_equal_record_counts_once_and_a_newer_one_replaces() -> None:
    again = altered(BASE, started="2026-02-01T00:00:00Z")
    assert table_of(BASE, again, BASE).rows[0].notes == ()
    newer = make("Base", 0.9, seed=1, codes=("M1",), started="2026-03-01T00:00:00Z")
    table = table_of(newer, BASE)
    assert len(table.rows) == 1
    assert cell(table, "Base", "M1 zh").score == round(newer[0].results["anytasktune_m1_zh"].metrics["score"], 6)
    assert [(n.column, n.reason) for n in table.rows[0].notes] == [("M1 zh", "replaced"), ("M1 en", "replaced")]
    assert len(table.rows[0].records) == 2


def with_result(pair: Pair, **changes: Any) -> Pair:
    name, result = next(iter(pair[0].results.items()))
    return altered(pair, results=pair[0].results | {name: result.model_copy(update=changes)})


@pytest.mark.parametrize("claim", [{"score": 0.99}, {"score": float("nan")}, {}])
def test_a_claimed_score_that_the_samples_do_not_give_is_an_error(claim: dict[str, float]) -> None:
    with pytest.raises(RecordError, match=r"record of 'Base', task 'anytasktune_m1_zh': it claims a score of .* but its samples give 0\."):
        table_of(with_result(BASE, metrics=claim))


def test_a_score_of_another_edition_that_cannot_be_had_again_is_missing() -> None:
    old = with_result(make("Base", fingerprint="old"), metrics={"score": 0.99})
    gold = {"label": "a label of those days"}
    samples = [s.model_copy(update={"gold": gold}) if s.task == "anytasktune_l4_en" else s for s in old[1]]
    row = table_of(resampled(old, samples)).rows[0]
    assert [c is None for c in row.cells] == [True, False, False, True, False, False]
    assert [(n.column, n.reason) for n in row.notes] == [("M1 zh", "other_edition"), ("L4 en", "other_edition")]
    assert not {name for name, _ in row.means} & {"overall"}


def test_broken_records_are_named() -> None:
    one = make("Base", codes=("M1",), langs=("en",))
    first, n = one[1][0], len(one[1])
    wrong_gold = [first.model_copy(update={"gold": {"fields": {"symptom": "not a list"}}}), *one[1][1:]]
    for broken, message in [
        (with_result(one, subtask="M99"), "ANYTASKTUNE_SUBTASKS"),
        (with_result(one, subtask="all"), "ANYTASKTUNE_SUBTASKS"),
        (with_result(one, lang="zh"), "do not belong to M1 in zh"),
        (with_result(one, n=n + 1), f"claims n = {n + 1} but has {n} samples of {n} rows"),
        (resampled(one, one[1][1:]), f"has {n - 1} samples"),
        (resampled(one, [first, *one[1][:-1]]), f"{n} samples of {n - 1} rows"),
        (resampled(one, wrong_gold), f"{first.id}: gold"),
    ]:
        with pytest.raises(RecordError, match=message):
            table_of(broken)


def figures(found: Any) -> tuple[float, ...]:
    return tuple(value for value in vars(found).values() if not isinstance(value, str))


def scores_of(pair: Pair, code: str, lang: str) -> tuple[list[Any], list[str]]:
    spec = CATALOG.get(code)
    found = sorted((s for s in pair[1] if s.task == spec.task_name(lang)), key=lambda s: s.id)  # type: ignore[arg-type]
    return [s.as_score(spec) for s in found], [s.group for s in found]


def test_standings_and_what_a_column_detects_are_those_of_its_rows() -> None:
    pairs = [BASE, TUNED, make("Third", 0.6)]
    table = table_of(*pairs)
    for i, column in enumerate(table.columns):
        by_name = {pair[0].model.name: scores_of(pair, column.spec.code, column.lang) for pair in pairs}
        systems = [by_name[row.model.name][0] for row in table.rows]
        groups = by_name["Base"][1]
        assert [row.cells[i] and row.cells[i].standing for row in table.rows] == separation(column.spec, systems, groups)  # type: ignore[union-attr]
        assert column.mde == pytest.approx(minimum_detectable_effect(column.spec, systems, groups), abs=1e-6)
    assert table_of(BASE).columns[0].mde is None
    assert cell(table_of(BASE), "Base", "M1 zh").standing == Standing(1, 1, 1)


def test_only_reproduced_rows_are_ranked() -> None:
    third = make("Third", 0.6)
    table = build_table([BASE, TUNED, third], CATALOG, {BASE[0].uuid, third[0].uuid})
    assert [(row.model.name, row.provenance, row.ranked, ("overall", "both") not in row.means) for row in table.rows] == [
        ("Base", "reproduced", True, False),
        ("Third", "reproduced", True, False),
        ("Tuned", "rescored", False, True),
    ]
    assert all(c and c.standing is None for c in table.rows[2].cells)
    assert all(c and c.standing and c.standing.high <= 2 for row in table.rows[:2] for c in row.cells)
    assert all(c and c.difference for c in table.rows[2].cells)  # shown, and compared with its base
    assert {"medicine", "law", "services"} <= {name for name, _ in table.rows[2].means}


def test_a_submitted_record_takes_no_place_from_a_reproduced_one() -> None:
    later = make("Base", 1.0, seed=1, started="2027-01-01T00:00:00Z")
    table = build_table([BASE, later, TUNED], CATALOG, {BASE[0].uuid, TUNED[0].uuid})
    assert [(row.model.name, row.provenance) for row in table.rows] == [("Base", "reproduced"), ("Base", "rescored"), ("Tuned", "reproduced")]
    assert table.rows[2].cells == build_table([BASE, TUNED], CATALOG, {BASE[0].uuid, TUNED[0].uuid}).rows[1].cells


def test_rows_under_a_limit_are_not_ranked() -> None:
    quick, full = table_of(make("Quick", settings={"limit": 10}), BASE).rows[::-1]
    assert (quick.ranked, full.ranked) == (False, True)
    assert all(c and c.standing is None for c in quick.cells)
    assert all(c and c.standing == Standing(1, 1, 1) for c in full.cells)


def test_equal_records_have_equal_uuids_whenever_and_wherever_they_ran() -> None:
    again = altered(BASE, started="2026-02-01T00:00:00Z", timing={"load_s": 3.0}, hardware={"device": "cuda"})
    assert BASE[0].uuid == again[0].uuid != TUNED[0].uuid
    assert build_table([again], CATALOG, {BASE[0].uuid}).rows[0].provenance == "reproduced"


def test_the_language_gap_pairs_twins() -> None:
    row = table_of(make("Uneven", {"M1": 0.9, "L4": 0.5, "S1": 0.5})).rows[0]
    assert set(row.gaps) == set(CODES)
    for code in CODES:
        pair = make("Uneven", {"M1": 0.9, "L4": 0.5, "S1": 0.5})
        (zh, groups), (en, _) = scores_of(pair, code, "zh"), scores_of(pair, code, "en")
        numbers = [str(i) for i in range(len(zh))]
        expected = language_gap(CATALOG.get(code), dict(zip(numbers, zh, strict=True)), dict(zip(numbers, en, strict=True)), dict(zip(numbers, groups, strict=True)))
        assert row.gaps[code].delta == pytest.approx(expected and expected.delta, abs=1e-6)
        c = {column.key: found.score for column, found in zip(table_of(pair).columns, row.cells, strict=True) if found}
        assert row.gaps[code].delta == pytest.approx(c[f"{code} zh"] - c[f"{code} en"], abs=2e-6)
    assert table_of(make("A", langs=("zh",))).rows[0].gaps == {}


def test_transfer_is_the_mean_difference_from_the_base_in_each_domain() -> None:
    row = table_of(BASE, TUNED).rows[1]
    assert set(row.transfer) == {"medicine", "law", "services"}
    for domain, code in (("medicine", "M1"), ("law", "L4"), ("services", "S1")):
        tests = [PairedTest(CATALOG.get(code), scores_of(TUNED, code, lang)[0], *scores_of(BASE, code, lang)) for lang in ("zh", "en")]
        assert figures(row.transfer[domain]) == pytest.approx(figures(mean_difference(tests)), abs=1e-6)  # type: ignore[index]
    assert row.transfer["medicine"].low > 0 > row.transfer["services"].high
    assert table_of(TUNED).rows[0].transfer == {} == table_of(BASE, TUNED).rows[0].transfer


def test_runs_that_differ_in_their_weights_show_the_spread_of_seeds() -> None:
    runs = [make("Tuned", 0.8, seed=seed, base="Base", category="task-fine-tuned", adapter_sha256=str(seed) * 64) for seed in (1, 2, 3)]
    table = table_of(BASE, *runs)
    (seeds,) = table.seeds
    assert (seeds.name, seeds.rows) == ("Tuned", (1, 2, 3))
    for i, spread in enumerate(seeds.spreads):
        expected = seed_spread([c.score for row in table.rows[1:] if (c := row.cells[i])])
        assert spread and expected and figures(spread) == pytest.approx(figures(expected), abs=1e-6)
    assert table_of(BASE, TUNED, make("Other", 0.8, base="Base", adapter_sha256="5" * 64)).seeds == ()


def test_a_cell_with_a_tenth_of_unreadable_answers_is_flagged() -> None:
    found = cell(table_of(BASE), "Base", "L4 en")
    assert [dataclasses.replace(found, format_valid=share).unreadable for share in (1.0, 0.925, 0.9, 0.5)] == [False, False, True, True]


def test_results_without_gold_are_noted_and_choose_no_column() -> None:
    old = [make(name, codes=("M1",), langs=("en",), fingerprint="old") for name in ("A", "B")]
    bare = [resampled(pair, [s.model_copy(update={"gold": {}}) for s in pair[1]]) for pair in old]
    table = table_of(*bare, make("C", codes=("M1",), langs=("en",)))
    assert [row.cells[0] is None for row in table.rows] == [True, True, False]
    assert [note.reason for row in table.rows for note in row.notes] == ["other_fingerprint", "other_fingerprint"]
    alone = table_of(bare[0]).rows[0]
    assert (alone.cells, [note.reason for note in alone.notes]) == ((None,), ["other_edition"])
