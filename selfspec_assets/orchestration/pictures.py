"""Pictures of what a step made, as images in Dagster's metadata (data URIs in Markdown, which its UI shows)."""

import os
from collections.abc import Iterator
from typing import Any

import dagster as dg

from selfspec_assets.reports import pictures
from selfspec_assets.steps.job import Job

# Dagster sets no limit, but every event is read whole when an asset's page is opened, and some storages cut at 64 kB.
LIMIT = 60_000
SWITCH = "SELFSPEC_PICTURES"  # off: none are drawn, which saves some seconds a run


def pictures_of(job: Job) -> Iterator[tuple[str, Any]]:
    """The pictures of a partition whose rows are published; one that cannot be drawn says so in its place."""
    if os.environ.get(SWITCH, "on") == "off":
        return
    key = job.key
    try:
        drawn = pictures.of_partition(job.warehouse.database, key.recipe, key.domain, key.iteration, key.step)
    except Exception as error:  # the rows are stored and right; whatever is wrong with a picture of them spoils no run
        job.report(f"{job.name}: WARNING: no picture could be drawn: {error!r}")
        yield "pictures", f"not drawn: {error!r}"
        return
    for picture in drawn:
        text = picture.markdown
        if len(text) > LIMIT:
            text = f"{picture.alt} (its image has {len(text):,} bytes, too many to be shown here)"
        yield f"picture/{picture.name}", dg.MetadataValue.md(text)
