"""Metadata that lets other tools read a published repository: the Hub's community evaluations, LLaMA-Factory, Croissant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from anytasktune_bench.data.content import Content
from anytasktune_bench.data.prose import prose, releases
from anytasktune_bench.data.tables import CANARY, COLUMN_MEANING, repo_name
from anytasktune_bench.rows import SPLITS, Split
from anytasktune_bench.spec import LANGS
from anytasktune_bench.version import __version__

HOMEPAGE = "https://github.com/anytasktune/anytasktune-bench"
AUTHORS = "The AnyTaskTune-Bench authors"
LICENCE_URL = "https://creativecommons.org/licenses/by/4.0/"
_TRAINING: tuple[Split, ...] = ("train", "validation")


def eval_yaml(contents: Sequence[Content]) -> str:
    """`eval.yaml`, which registers a repository as a benchmark on the Hub and which `inspect eval hf/<repo>` runs.

    The prompt is the benchmark's own. Inspect brings its scorers along and takes no others, so labels go by exact match and everything else by
    overlap of words; the scores that count are those of `anytasktune eval` or the lm-eval tasks, whose names the tasks here bear.
    """
    words = prose(contents[0].spec.domain)
    tasks = [
        {
            "id": content.spec.task_name(content.lang),
            "config": content.name,
            "split": "test",
            "field_spec": {"input": "input", "target": "output", "metadata": ["instruction"]},
            "solvers": [
                {"name": "prompt_template", "args": {"template": "{instruction}\n{prompt}"}},
                {"name": "generate", "args": {"temperature": 0.0, "max_tokens": content.spec.output.max_new_tokens[content.lang]}},
            ],
            "scorers": [{"name": "exact" if content.spec.output.kind == "label" else "f1"}],
        }
        for content in contents
    ]
    head = {"name": f"AnyTaskTune-Bench: {words.title.en}", "description": _paragraph(words.summary.en), "evaluation_framework": "inspect-ai", "tasks": tasks}
    comment = (
        f"# {CANARY}\n"
        "# Inspect's own scorers stand here, since no others can be named: exact match for labels, overlap of words for the rest (rough, above all in Chinese).\n"
        "# Scores to compare come from the metrics of AnyTaskTune-Bench: `anytasktune eval`, or lm-eval with the tasks of the same names.\n"
    )
    return comment + yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=160)


def dataset_info(contents: Sequence[Content]) -> dict[str, Any]:
    """LLaMA-Factory's `dataset_info.json`: an entry per config for its train rows and one for its validation rows, by file name in this folder.

    It joins prompt and query with a line break, which is the prompt of the benchmark.
    """
    return {
        content.spec.task_name(content.lang) + ("" if split == "train" else f"_{split}"): {
            "file_name": content.file(split),
            "formatting": "alpaca",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
            "canary": CANARY,
        }
        for content in contents
        for split in _TRAINING
    }


def croissant(contents: Sequence[Content], sha256: Mapping[str, str]) -> dict[str, Any]:
    """Croissant 1.0 metadata with the responsible-AI vocabulary: a file and a record set per config and split.

    Args:
        contents: the configs of one repository.
        sha256: path -> hash of each Parquet file.
    """
    domain = contents[0].spec.domain
    words, release = prose(domain), releases()[0]
    files = [(content, split) for content in contents for split in SPLITS]
    metadata = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": repo_name(domain),
        "description": _paragraph(words.summary.en),
        "identifier": CANARY,
        "license": LICENCE_URL,
        "url": HOMEPAGE,
        "version": __version__,
        "inLanguage": list(LANGS),
        "keywords": ["benchmark", "task-fine-tuning", *words.tags],
        "creator": {"@type": "sc:Organization", "name": AUTHORS, "url": HOMEPAGE},
        "citeAs": f"{AUTHORS}: AnyTaskTune-Bench {__version__}, {repo_name(domain)}. {HOMEPAGE}",
        "rai:dataCollection": _paragraph(words.writing),
        "rai:dataCollectionType": ["Synthetic data: written by language models from drawn scenario records, checked by programs"],
        "rai:dataAnnotationProtocol": [f"The guideline of each sub-task: {', '.join(sorted({c.spec.full_id for c in contents}))}, file guideline.md"],
        "rai:machineAnnotationTools": ["Language models wrote the rows; programs computed or checked the gold answers; language models read test rows blind"],
        "rai:personalSensitiveInformation": [_paragraph(words.sensitive)],
        "rai:dataUseCases": [_paragraph(words.use)],
        "rai:dataLimitations": [_paragraph(words.misuse.en)],
        "rai:dataBiases": [_paragraph(point) for point in words.bias],
        "rai:dataReleaseMaintenancePlan": "One tag per version, never moved; a new version states what changed and which scores stop being comparable.",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": content.file(split),
                "name": content.file(split),
                "contentUrl": content.file(split),
                "encodingFormat": "application/x-parquet",
                "sha256": sha256[content.file(split)],
            }
            for content, split in files
        ],
        "recordSet": [_record_set(content, split) for content, split in files],
    }
    return metadata | ({"datePublished": release.released.isoformat()} if release.released else {})


def _record_set(content: Content, split: Split) -> dict[str, Any]:
    name = f"{content.name}_{split}"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"{content.spec.title.en} ({content.spec.code}), {content.lang}, {split}: {content.sizes[split].rows} rows.",
        "key": {"@id": f"{name}/id"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": meaning,
                "dataType": "sc:Text",
                "source": {"fileObject": {"@id": content.file(split)}, "extract": {"column": column}},
            }
            for column, meaning in COLUMN_MEANING.items()
        ],
    }


def _paragraph(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context of the Croissant 1.0 specification."""
