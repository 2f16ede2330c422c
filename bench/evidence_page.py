"""``docs/evidence.md``: every number with its interval and the command that makes it."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.evidence_goals import SEEDS, SUPERVISED, Goal, goals
from bench.evidence_measured import Estimate, Measured, Row
from bench.evidence_plan import ABLATION, ITEMS, MAIN
from bench.evidence_samples import samples_section
from selfspec_assets import __version__
from selfspec_assets.reports.scores import ablation_table, score_table
from selfspec_assets.reports.scores.score_table import METRICS

_HEAD = """\
# Evidence

Written by `make evidence`; not to be edited. Code: {code}. Models: {model}. Training seeds: {seeds}. Domains:
{domains}.

- Every number but (f), (h) and the counts is 0 to 100, a mean over the seeds. In brackets stands the 95 % interval of a
  two-level bootstrap: seeds are drawn, then items, once for all the drawn seeds, as every seed is scored on the same
  items; differences are paired by seed and item. It covers the choice of both. With few seeds their share of it is
  rough, and rather too small.
- What was tried on the way, on development items, and where the value is lost: [small-models.md](small-models.md). The
  project's own model: [evidence-embedded.md](evidence-embedded.md).
- The base stands with each of its prompts. A row marked \\* is an oracle: the output cut at its first line, a stopping
  rule that no user of the base has.
- The best base prompt is the one with the highest average in these very numbers, so it is, if anything, too good.
- "Without the two easiest" leaves out the two benchmarks at which the last iteration gained most F1 over the best base
  prompt at that k.
- (h) sums the seconds that are stored with each step; of a step that was interrupted, its last part counts. For (f) and
  (h) the worst seed stands there, and in place of an interval: best and worst.
- The recipes `<name>_s<seed>` are those of `recipes/` with another seed and {items} items of each
  benchmark, written into {home} by `make evidence`; run
  the commands with `SELFSPEC_HOME={home}`. `selfspec scores` in place of `selfspec run` shows what came out.
"""


def page(measured: Measured, home: str, missing: Sequence[str]) -> str:
    """The whole page; ``missing``: what of the plan was not measured, named at the top, as the page is partial then."""
    sections = [_head(measured, home), *([_partial(missing)] if missing else []), "## Goals", _goals_table(measured)]
    for domain in measured.domains:
        if measured.iterations(domain):
            sections += [
                f"## {domain}",
                _scored(measured, domain),
                *_averages(measured, domain),
                *_tasks(measured, domain),
            ]
            sections += _shares(measured, domain)
            sections += samples_section(measured.samples.get(domain, {}), _titles(measured, domain))
        sections += _ablations(measured, domain)
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _head(measured: Measured, home: str) -> str:
    seeds = sorted({seed for _, _, seed in measured.reports})
    alone = "- **One seed only**: the intervals cover the choice of items and say nothing of other seeds.\n"
    models = sorted({row["model_digest"][:12] for report in measured.reports.values() for row in report.adapters})
    return _HEAD.format(
        code=code(),
        model=", ".join(f"`{digest}`" for digest in models) or "none",
        seeds=", ".join(map(str, seeds)) or "none",
        domains=", ".join(measured.domains) or "none",
        home=home,
        items=ITEMS,
    ) + (alone if len(seeds) == 1 else "")


def code() -> str:
    """The commit that the page is written from, or the version where there is no repository."""
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return f"commit `{subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()}`"
    except (OSError, subprocess.CalledProcessError):
        return f"version {__version__}"


def _partial(missing: Sequence[str]) -> str:
    listed = "\n".join(f"- {line}" for line in missing)
    return f"**This page is partial.** It lacks what `make evidence` measures besides:\n\n{listed}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers or short texts."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(found: Estimate | None) -> str:
    return "—" if found is None else f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"


def command(sources: Sequence[str], domain: str) -> str:
    """What makes a row."""
    return "; ".join(f"`selfspec run '{source}_s*' --domain {domain}`" for source in sources)


def title(row: Row) -> str:
    if row in (SEEDS, SUPERVISED):
        return "seeds alone" if row == SEEDS else "supervised"
    model = row.model
    if model.iteration:
        return f"iteration {model.iteration}"
    return f"base, {model.variant}" + (r", first line \*" if model.oracle else "")


def model_rows(measured: Measured, domain: str) -> list[Row]:
    """Weakest information first: the base, its oracles, the seeds, the loop, the upper bound."""
    bases = [row for oracle in (False, True) for row in measured.bases(domain, oracle=oracle)]
    return [*bases, SEEDS, *measured.iterations(domain), SUPERVISED]


def _titles(measured: Measured, domain: str) -> dict[Row, str]:
    return {row: title(row) for row in model_rows(measured, domain) if not row.model.oracle}


def _goals_table(measured: Measured) -> str:
    head = ("goal", "domain", "measured", "95 % interval", "", "command")
    found = sorted(goals(measured), key=lambda goal: goal.letter)
    return table(head, (_goal_row(goal) for goal in found))


def _goal_row(goal: Goal) -> list[str]:
    unit = {"f": " %", "h": " min"}.get(goal.letter, "")
    sign = "" if unit else "+"  # the others are differences
    value = "—" if goal.value is None else f"{goal.value:{sign}.1f}{unit}"
    interval = "—" if goal.low is None else f"[{goal.low:{sign}.1f}, {goal.high:{sign}.1f}]{unit}"
    verdict = f"**{goal.verdict}**" if goal.verdict == "missed" else goal.verdict
    return [f"({goal.letter}) {goal.what}", goal.domain, value, interval, verdict, command(goal.sources, goal.domain)]


def _scored(measured: Measured, domain: str) -> str:
    """How many of a benchmark's items stand behind the numbers: in one phrase where it is the same for all."""
    scored = measured.scored(domain)
    counts = {name: f"{scored[name]} of {measured.declared[domain, name]} items" for name in scored}
    if len(set(counts.values())) == 1:
        return f"Scored, from the first on: {next(iter(counts.values()))} of each benchmark."
    return f"Scored, from the first on: {', '.join(f'{name} {count}' for name, count in counts.items())}."


def _averages(measured: Measured, domain: str) -> list[str]:
    names, shots = measured.benchmarks(domain), measured.shots(domain)
    easiest = {k: measured.easiest(domain, k) for k in shots}
    sections = [
        f"### Macro average over {len(names)} benchmarks{_without(measured, domain)}",
        _average_table(measured, domain, dict.fromkeys(shots, names)),
    ]
    if all(easiest.values()):
        rest = {k: [name for name in names if name not in easiest[k]] for k in shots}
        listed = "; ".join(f"k={k}: {', '.join(easiest[k])}" for k in shots)
        sections += [f"### Without the two easiest ({listed})", _average_table(measured, domain, rest)]
    return sections


def _without(measured: Measured, domain: str) -> str:
    """Names what no average of the domain holds."""
    names = measured.without(domain)
    return f" (without {', '.join(names)}: some model's prompts do not fit its context)" if names else ""


def _average_table(measured: Measured, domain: str, names: dict[int, list[str]]) -> str:
    head = ["", *(f"{metric.title} k={k}" for metric in METRICS for k in names), "command"]
    return table(
        head,
        (
            [
                title(row),
                *(cell(measured.estimate(domain, row, m.name, k, names[k])) for m in METRICS for k in names),
                command([row.source], domain),
            ]
            for row in model_rows(measured, domain)
        ),
    )


def _tasks(measured: Measured, domain: str) -> list[str]:
    k = min(measured.shots(domain))
    rows = [row for row in model_rows(measured, domain) if not row.model.oracle]
    lines = (
        [name, *(cell(measured.estimate(domain, row, "f1", k, [name])) for row in rows)]
        for name in measured.benchmarks(domain)
    )
    note = f"Commands as above, for the column's model; or `selfspec scores '{MAIN}_s*' --domain {domain}`."
    return [f"### F1 by benchmark, k={k}", table(["", *map(title, rows)], lines), note]


def _shares(measured: Measured, domain: str) -> list[str]:
    """Shares of tokens, over all seeds."""
    pooled: dict[int, list[dict[str, float]]] = {}
    for report in measured.reports_of(MAIN, domain).values():
        for row in report.shares:
            pooled.setdefault(row["iteration"], []).append(row)
    lines = []
    for iteration, rows in sorted(pooled.items()):
        tokens = sum(row["tokens"] for row in rows)
        mixed, contrasted = (
            sum(row[name] * row["tokens"] for row in rows) / tokens for name in ("marginal_changed", "contrast_changed")
        )
        kept = " / ".join(f"{row['kept']:.0f}" for row in rows)
        changed = f"{contrasted:.1%}" if iteration > 1 else "—"
        lines.append(
            [f"iteration {iteration}", kept, f"{tokens:.0f}", f"{mixed:.1%}", changed, command([MAIN], domain)]
        )
    head = ["", "answers kept, by seed", "tokens", "mixing changed the choice", "contrast changed it", "command"]
    return ["### The mechanism at work", table(head, lines)]


def _ablations(measured: Measured, domain: str) -> list[str]:
    """The paper's Table 2 over seeds; rows with one label are one revision and stand once."""
    found: dict[tuple[str, str], tuple[tuple[object, ...], Row]] = {}
    names = sorted({name for name, where, _ in measured.reports if where == domain and name.startswith(ABLATION)})
    first = {name: report for name in names if (report := measured.first(name, domain))}
    recipes = [report.named.recipe for report in first.values()]
    for source, report in first.items():
        recipe = report.named.recipe
        for number, row in enumerate(measured.bases(domain, oracle=False, source=source)):
            found.setdefault(("base", row.model.variant), ((False, 0, number), row))
        for row in measured.iterations(domain, source):
            n = row.model.iteration
            label = (ablation_table.group_of(recipe, n), ablation_table.label_of(recipe, n, recipes))
            found.setdefault(label, (ablation_table.order_of(recipe, n), row))
    if not found:
        return []
    lines = sorted(((order, label, row) for label, (order, row) in found.items()), key=lambda line: line[0])
    seeds = sorted({seed for name, where, seed in measured.reports if where == domain and name in names})
    note = f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))} alone."
    heading = f"### {domain}: the paper's Table 2{_without(measured, domain)}"
    return [heading, note, _ablation_table(measured, domain, lines)]


def _ablation_table(measured: Measured, domain: str, lines: Sequence[tuple[object, tuple[str, str], Row]]) -> str:
    report = measured.first(lines[-1][2].source, domain)
    assert report is not None
    names, k = measured.benchmarks(domain), min(score_table.shots(report))
    closed = [name for name in ablation_table.closed_book(report.tasks) if name in names]
    scopes = {"": names, **({", closed-book": closed} if closed else {})}
    head = ["", *(f"{metric.title} k={k}{scope}" for scope in scopes for metric in METRICS), "command"]
    return table(
        head,
        (
            [
                ", ".join(label),
                *(cell(measured.estimate(domain, row, m.name, k, over)) for over in scopes.values() for m in METRICS),
                command([row.source], domain),
            ]
            for _, label, row in lines
        ),
    )
