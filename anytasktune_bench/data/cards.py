"""Dataset cards: one per domain, a projection of the specifications, the measured figures and hand-written prose."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.baselines import LIMITED, limit_of
from anytasktune_bench.data.content import Content, Size, survey
from anytasktune_bench.data.prose import ReferenceScore, Release, Sample, prose, readings, reference_scores, releases, summary
from anytasktune_bench.data.similarity import COSINE_ACROSS, JACCARD_ACROSS, JACCARD_WITHIN
from anytasktune_bench.data.tables import CANARY, COLUMN_MEANING, COLUMNS, repo_name
from anytasktune_bench.hub import NAMESPACE
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS, SubTask
from anytasktune_bench.version import __version__
from anytasktune_bench.words import metric_name, metric_words

GOLD_SHOWN = 400
"""Characters of a gold that an instance in a card shows."""

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_EXTRACTION = {"slot_f1", "set_f1", "pair_f1", "json_slot_f1"}


def export_cards(specs: Sequence[SubTask]) -> dict[str, str]:
    """File name -> card of every domain of `specs`.

    Raises:
        RowError: a row cannot be read.
        DataError: a source of the cards is missing or wrong.
    """
    domains = {spec.domain: [other for other in specs if other.domain == spec.domain] for spec in specs}
    return {f"{domain}.md": card([survey(spec, lang) for spec in found for lang in LANGS]) for domain, found in domains.items()}


def card(contents: Sequence[Content]) -> str:
    """The card of one domain's repository: the Hub's metadata, then fifteen sections of Markdown.

    Args:
        contents: the configs of the repository; the first one is the default.

    Raises:
        DataError: a source of the cards is missing or wrong.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["unbroken"] = _unbroken
    body = environment.get_template("card.md.j2").render(**_context(contents))
    return f"---\n{_front_matter(contents)}---\n\n{body}"


def changelog(domain: str) -> str:
    """`CHANGELOG.md` of one domain's repository."""
    parts = [f"## {release.version} - {release.released or 'not published yet'}\n\n" + "\n".join(f"- {line}" for line in changes(release, domain)) for release in releases()]
    head = f"<!-- {CANARY} -->\n\n# Changelog of {repo_name(domain)}\n\nA higher first number (while it is 0, the second) means that scores of the versions cannot be compared."
    return "\n\n".join([head, *parts]) + "\n"


def changes(release: Release, domain: str) -> list[str]:
    """What a release changed in one domain's repository."""
    return [change.text for change in release.changes if not change.domains or domain in change.domains]


def _front_matter(contents: Sequence[Content]) -> str:
    from huggingface_hub import DatasetCardData

    domain = contents[0].spec.domain
    words = prose(domain)
    data = DatasetCardData(
        pretty_name=f"AnyTaskTune-Bench: {words.title.en}",
        language=list(LANGS),
        license="cc-by-4.0",
        multilinguality=["multilingual"],
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        source_datasets=["original"],
        task_categories=_task_categories({content.spec.code: content.spec for content in contents}.values()),
        size_categories=[next((name for limit, name in _SIZES if sum(content.rows for content in contents) < limit), "n>1M")],
        tags=["benchmark", "task-fine-tuning", "synthetic", "bilingual", "lm-eval", *words.tags],
        configs=[
            {
                "config_name": content.name,
                "version": __version__,
                **({"default": True} if number == 0 else {}),
                "data_files": [{"split": split, "path": content.file(split)} for split in SPLITS],
            }
            for number, content in enumerate(contents)
        ],
        dataset_info=[
            {
                "config_name": content.name,
                "features": [{"name": column, "dtype": "string"} for column in COLUMNS],
                "splits": [{"name": split, "num_bytes": size.bytes, "num_examples": size.rows} for split, size in content.sizes.items()],
                "dataset_size": sum(size.bytes for size in content.sizes.values()),
            }
            for content in contents
        ],
    )
    return f"# {CANARY}\n{data.to_yaml()}\n"


def _task_categories(specs: Iterable[SubTask]) -> list[str]:
    """The Hub's categories for what the answers are: labels, extracted values, free text."""
    metrics = {leaf.name for spec in specs for leaf in spec.leaves}
    found = {"text-generation": True, "text-classification": "macro_f1" in metrics, "token-classification": bool(metrics & _EXTRACTION)}
    return [name for name, wanted in found.items() if wanted]


def _context(contents: Sequence[Content]) -> dict[str, Any]:
    """What the template may use."""
    domain = contents[0].spec.domain
    specs = list({content.spec.code: content.spec for content in contents}.values())
    together, samples = readings().of(domain)
    test_rows = [content.sizes["test"].rows for content in contents]
    by_spec: dict[str, dict[str, Content]] = {}
    for content in contents:
        by_spec.setdefault(content.spec.code, {})[content.lang] = content
    return {
        "domain": domain,
        "repo": f"{NAMESPACE}/{repo_name(domain)}",
        "version": __version__,
        "canary": CANARY,
        "words": prose(domain),
        "contents": contents,
        "specs": specs,
        "by_spec": by_spec,
        "rows": sum(content.rows for content in contents),
        "test_rows": (min(test_rows), max(test_rows)),
        "columns": COLUMN_MEANING,
        "actions": [action for action in load_catalog().actions() if action.domain == domain],
        "summary": {spec.code: summary()[spec.code] for spec in specs if spec.code in summary()},
        "limits": {"jaccard_within": JACCARD_WITHIN, "jaccard_across": JACCARD_ACROSS, "cosine_across": COSINE_ACROSS},
        "baseline_limits": {spec.code: limit_of(spec) for spec in specs},
        "limited": LIMITED,
        "references": _references(contents),
        "together": together,
        "samples": samples,
        "error_interval": _exact_interval(samples[-1]) if samples else None,
        "releases": [(release, changes(release, domain)) for release in releases()],
        "instance": _instance,
        "metric_name": metric_name,
        "metric_words": lambda spec: metric_words(spec, "en"),
        "sizes": _sizes,
    }


def _unbroken(text: str) -> str:
    """A Chinese paragraph without the line breaks of its source, which Markdown would show as spaces."""
    return "".join(text.splitlines())


def _sizes(content: Content) -> str:
    sizes: Mapping[Any, Size] = content.sizes
    return " / ".join(str(sizes[split].rows) for split in SPLITS)


def _references(contents: Sequence[Content]) -> dict[str, list[ReferenceScore]]:
    """Config -> scores that were measured on just its test rows, with its metric."""
    found = {content.name: reference_scores().get(content.spec.task_name(content.lang), ()) for content in contents}
    current = {content.name: content.eval_fingerprint for content in contents}
    scores = {name: [score for score in known if score.eval_fingerprint == current[name]] for name, known in found.items()}
    return {name: known for name, known in scores.items() if known}


def _exact_interval(sample: Sample) -> tuple[float, float]:
    """95 % interval of the share of faulty rows (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    interval = binomtest(sample.errors, sample.n).proportion_ci(0.95, method="exact")
    return float(interval.low), float(interval.high)


def _instance(content: Content) -> str:
    """The first train row as JSON, a long gold cut short."""
    row = dict(content.instance)
    if len(row["gold"]) > GOLD_SHOWN:
        row["gold"] = f"{row['gold'][:GOLD_SHOWN]}… ({len(row['gold'])} characters in all)"
    return json.dumps(row, ensure_ascii=False, indent=1)
