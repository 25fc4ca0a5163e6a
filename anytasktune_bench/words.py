"""Metrics in plain words, in both languages. Text in backquotes is a name: a metric, or a key as it stands in an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from anytasktune_bench.spec import Lang, Length, Metric, MetricName, SubTask


def metric_name(metric: Metric) -> str:
    """`slot_f1`, or `mean(aspect_score, key_points)`."""
    return f"mean({', '.join(metric_name(part) for part in metric.of)})" if metric.of else metric.name


def metric_words(spec: SubTask, lang: Lang) -> str:
    """The primary metric in plain words, as Markdown: a sentence, or a list of the parts of a mean."""
    if not spec.metric.of:
        return f"`{spec.metric.name}`{': ' if lang == 'en' else '：'}{_words(spec, spec.metric, lang)}"
    weights = spec.metric.weights or (1.0,) * len(spec.metric.of)
    lines = []
    for part, weight in zip(spec.metric.of, weights, strict=True):
        share = f"{weight / sum(weights):.2g}"
        lines.append(f"- `{part.name}`, weight {share}: {_words(spec, part, lang)}" if lang == "en" else f"- `{part.name}`，权重 {share}：{_words(spec, part, lang)}")
    return ("The mean of:\n" if lang == "en" else "以下各项的加权平均：\n") + "\n".join(lines)


def _words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    names = [metric.field] if metric.field else list(metric.fields)
    if lang == "zh":
        where = f"就{'、'.join(f'`{spec.field(name).zh}`' for name in names)}而言：" if names else ""
    else:
        where = f"On {', '.join(f'`{spec.field(name).en}`' for name in names)}: " if names else ""
    return where + _PLAIN[metric.name](spec, metric, lang)


def _slot_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    least, threshold = metric.params.get("min_predicted"), metric.params.get("threshold")
    if lang == "zh":
        return (
            "每一行按其值与同名键标准值的相符程度得 0 到 1 分（文本与列表看相似度，数字、日期与标签须完全一致）；总分是所得之和相对于写出行数与应有键数的 F1。未知的键、"
            "重复的键、超出长度的值以及超出行数的行都会降低精确率。" + (f"至少按写出 {least} 行计算。" if least else "") + (f"相似度低于 {threshold} 不得分。" if threshold else "")
        )
    return (
        "each line earns from 0 to 1 by how well its value matches the gold value of its key (texts and lists by likeness, numbers, dates and labels"
        " exactly); the score is the F1 of what was earned over the lines written and the keys wanted. Unknown and repeated keys, values over the"
        " limit and lines beyond the limit cost precision."
        + (f" At least {least} lines count as written." if least else "")
        + (f" A likeness under {threshold} earns nothing." if threshold else "")
    )


def _set_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    counted, threshold = metric.params.get("over_max") == "count", metric.params.get("threshold", 0.8)
    if spec.output.kind == "tagged" and lang == "zh":
        return "所问项目与缺失项目之间的 F1；一行只有写出真正的问题（有问号、够长、只问一次）才算数。行数过多得 0 分。"
    if spec.output.kind == "tagged":
        return (
            "F1 of the items asked about against the items that are missing; a line counts only with a real question (question mark, length, asked once). Too many lines score 0."
        )
    if lang == "zh":
        return f"各项与标准项一一匹配后的 F1；相似度达到 {threshold} 或属同一标签即为命中；项数过多{'只降低精确率' if counted else '则不得分'}。"
    over = "too many items only cost precision" if counted else "with too many items nothing is earned"
    return f"F1 of the items against the gold items, matched one to one; an item hits at a likeness of {threshold} or as the same label; {over}."


def _key_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    zh = lang == "zh"
    text = (
        "文本说到的要点所占比例，每说一件不该说的扣去一个（被否定的不算说到）；超出长度得 0 分。"
        if zh
        else "the share of the key points that the text says, less one for each thing it must not say (a negated one is not said); over the limit it earns 0."
    )
    if "copied_run" in metric.params:
        run = Length.model_validate(metric.params["copied_run"])
        chars, words = run.bounds("zh")[1], run.bounds("en")[1]
        text += f"连续照抄 {chars} 个字或 {words} 个英文词的文本同样得 0 分。" if zh else f" So does a text that copies a run of {chars} characters or {words} words."
    if metric.params.get("needs_fields"):
        text += "其余各行都读不出来时得 0 分。" if zh else " It earns 0 where no other line could be read."
    return text + _share_words(metric, lang)


def _issue_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    text = (
        "各行与标准问题之间的 F1：一行说到一个问题即为命中，说到两个则不算；写出的每一行都计数。"
        if lang == "zh"
        else "F1 of the lines against the gold issues: a line hits if it says one issue, and none if it says two; every line counts as written."
    )
    return text + _share_words(metric, lang)


def _share_words(metric: Metric, lang: Lang) -> str:
    share = metric.params.get("max_share")
    if not share:
        return ""
    part = f"{float(str(share)):.0%}"
    return (
        f"回答长于输入的 {part} 时总分按比例降低，与输入等长时降为 0。"
        if lang == "zh"
        else f" The whole is scaled down where the answer is longer than {part} of the input, to 0 at its full length."
    )


def _accuracy_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    gate = metric.params.get("gate")
    if lang == "zh":
        return "答对的比例。" + (f"`{spec.field(str(gate)).zh}`不对则全部不计。" if gate else "")
    return "the share that is right." + (f" Nothing counts unless `{spec.field(str(gate)).en}` is right." if gate else "")


def _aspect_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    tolerance = metric.params.get("tolerance", 25)
    if lang == "zh":
        return f"各方面的 F1；说对一个方面得 1 减去其分数与标准分之差除以 {tolerance}；不在给定档位上的分数不得分。"
    return f"F1 over the aspects; a named aspect earns 1 less its distance from the gold score over {tolerance}; scores off the list earn 0."


def _balanced_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    if lang == "zh":
        return "对所有数据行的全部要求，取两行召回率平均值的两倍减一（不低于 0），因此乱猜得 0 分；写出该行没有的编号，则整行算错。"
    return (
        "over all requirements of all rows, twice the mean of the two lines' recalls less one (at least 0), so that a guess earns 0; a number that"
        " the row does not have makes the whole row wrong."
    )


def _json_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    threshold = metric.params.get("threshold", 0.5)
    if lang == "zh":
        return f"已填各值的 F1：文本看相似度（低于 {threshold} 计 0），数字与日期须完全一致，列表各项不计次序；两边的 null 都略去。"
    return f"F1 over the filled values: texts by likeness (0 under {threshold}), numbers and dates exactly, items of a list in any order; null is dropped on both sides."


def _pair_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    if lang == "zh":
        return "各对一一匹配后的 F1；一对中原文表述与文中相似（0.8）、术语属于可接受的说法，即为命中。"
    return "F1 of the pairs, matched one to one; a pair hits if its expression is like the one in the text (0.8) and its term is an accepted one."


def _label_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    if lang == "zh":
        return "各标签的宏平均 F1；标签须是整个回答或整个值，其他写法一律算错。"
    return "macro-F1 over the labels; the label must be the whole answer or value, and anything else is a miss."


def _number_words(spec: SubTask, metric: Metric, lang: Lang) -> str:
    base = metric.params.get("base", 2.5)
    if lang == "zh":
        return f"数字完全正确得 1 分，随比值的对数下降，高或低到 {base} 倍时为 0。"
    return f"1 for the exact number, falling with the logarithm of the ratio to 0 at {base} times too high or too low."


_PLAIN: Mapping[MetricName, Callable[[SubTask, Metric, Lang], str]] = {
    "slot_f1": _slot_words,
    "set_f1": _set_words,
    "pair_f1": _pair_words,
    "macro_f1": _label_words,
    "log_tol": _number_words,
    "aspect_score": _aspect_words,
    "key_points": _key_words,
    "issue_f1": _issue_words,
    "field_accuracy": _accuracy_words,
    "balanced_accuracy": _balanced_words,
    "json_slot_f1": _json_words,
}
