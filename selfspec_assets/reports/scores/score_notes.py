"""What is said in words below a table of scores: what was left out and why, baselines, the two mechanism shares."""

from selfspec_assets.reports.scores.score_table import (
    Model,
    Report,
    adapter_title,
    benchmarks,
    models,
    not_shared,
    shared_benchmarks,
    shots,
    title,
)


def shortfalls(report: Report) -> list[str]:
    """What each average is without, and for which model's sake; and the models that have none."""
    why, lines = "no prompt fits the context of", []
    for k in shots(report):
        for name, lacking in not_shared(report, k).items():
            lines.append(f"the averages at k={k} are without {name}: {why} {'; '.join(lacking)}")
        there = {Model(row["iteration"], row["oracle"], row["variant"]) for row in report.scores if row["shots"] == k}
        for model in models(report):
            if model not in there and not model.oracle:
                lines.append(f"{title(report, model)} has no score at k={k}: none of its prompts fits the context")
    return lines


def further_shortfalls(report: Report) -> list[str]:
    """Which further models have no average at which k, and for want of what."""
    lines = []
    for further in report.further:
        for k in shots(report):
            scored = {row["benchmark"] for row in further.scores if row["shots"] == k}
            if lacking := sorted(set(shared_benchmarks(report, k)) - scored):
                why = f"has no average at k={k}, as no prompt of {', '.join(lacking)} fits its context"
                lines.append(f"{further.title} {why}")
    return lines


def notes(report: Report) -> list[str]:
    """What always giving one answer scores, the two mechanism shares per iteration, and whatever was left out."""
    lines = []
    always = [f"{row['benchmark']} {row['value']:.1f}" for row in report.baselines if row["metric"] == "f1"]
    if always:
        lines.append(f"F1 of always giving the commonest answer (majority): {', '.join(always)}")
    for row in report.shares:
        contrast = f"; contrast changed it at {row['contrast_changed']:.1%}" if row["iteration"] > 1 else ""
        lines.append(
            f"iteration {row['iteration']}: mixing the passages changed the choice at "
            f"{row['marginal_changed']:.1%} of {row['tokens']} tokens{contrast}"
        )
    for row in report.lift:
        if row["missing"] and row["metric"] == "f1":
            adapter = adapter_title(report.named.recipe, row["iteration"])
            over = f"base, {row['base_variant']}{'*' if row['oracle'] else ''}"
            lines.append(f"the lift of {adapter} over {over} at k={row['k']} is without {', '.join(row['missing'])}")
    too_long = [row for row in report.scores if row["left_out"] and row["metric"] == "f1" and not row["oracle"]]
    for benchmark in benchmarks(report):
        counts = {row["shots"]: row["left_out"] for row in too_long if row["benchmark"] == benchmark}
        if counts:
            listed = ", ".join(f"{count} at k={k}" for k, count in sorted(counts.items()))
            lines.append(f"left out, prompt longer than the context: {benchmark}: {listed}")
    if report.left_out:
        lines.append(f"left out, file absent (selfspec check says where to get it): {', '.join(report.left_out)}")
    return lines
