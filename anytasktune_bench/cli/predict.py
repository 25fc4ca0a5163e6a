"""`anytasktune predict`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from anytasktune_bench.spec import Lang

from anytasktune_bench.cli.options import adapter_option, device_options, model_and_adapter, print_json


def read_input() -> str:
    """The text on standard input.

    Raises:
        RunError: it is empty or not UTF-8.
    """
    from anytasktune_bench.errors import RunError

    try:
        text = sys.stdin.buffer.read().decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise RunError("standard input is not UTF-8. Convert it first, for example with iconv.") from error
    if not text:
        raise RunError("standard input is empty. Pipe the text in, as in `anytasktune predict M1 ... < text.txt`.")
    return text


def language_of(text: str, lang: str | None) -> Lang:
    """The language that was asked for, else Chinese where over a quarter of the characters are."""
    return "zh" if lang == "zh" or (lang is None and sum("\u4e00" <= c <= "\u9fff" for c in text) * 4 > len(text)) else "en"


@click.command()
@click.argument("task")
@click.option("--model", help="A folder, a .gguf file, a wheel that holds one, or a Hub id; an adapter's base by default.")
@adapter_option
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of the prompt; by the text if left out.")
@click.option("--parse", "parsed", is_flag=True, help="Print the parsed answer as JSON; exit with 1 if it has not the required format.")
@device_options
def predict(task: str, model: str | None, adapter: str | None, lang: str | None, parsed: bool, dtype: str, device: str | None) -> None:
    """Answer one input from standard input.

    \b
    Example:
      echo "I've had a cough for two weeks and a bit of a fever." | anytasktune predict M1 --adapter adapters/M1-S1 --parse
    """
    from anytasktune_bench.adapters import load_adapted
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.generation import encode, generate
    from anytasktune_bench.models import load_model, load_tokenizer
    from anytasktune_bench.outputs import parse, to_json
    from anytasktune_bench.prompt import render

    spec = load_catalog().get(task)
    text = read_input()
    language = language_of(text, lang)
    ref, folder = model_and_adapter(model, adapter)
    tokenizer, loaded = load_tokenizer(ref), load_adapted(ref, folder, dtype, device) if folder else load_model(ref, dtype, device)
    prompt = encode(tokenizer, render(tokenizer, spec, language, text))
    answer = generate(loaded, tokenizer, [prompt], spec.output.max_new_tokens[language])[0].strip()
    if not parsed:
        click.echo(answer)
        return
    result = parse(spec, language, answer)
    print_json({"valid": result.valid, "parsed": to_json(spec, language, result), "answer": answer})
    if not result.valid:
        sys.exit(1)
