"""Published benchmark files and corpora, which the project reads and never contains."""

import os
from pathlib import Path

import pytest

from tests.checkout import ROOT

DATA = Path(os.environ.get("SELFSPEC_DATA") or ROOT.parent / "shared" / "data").resolve()
# The items of each published benchmark at hand.
CASE_STUDY = {
    "sentiment": 24,
    "event_plausibility": 24,
    "commentary_qa": 24,
    "implicit_knowledge": 24,
    "data_to_text": 20,
    "highlights": 20,
}
REAL = {
    "biomedicine": {"pubmedqa_long": 500, "anatem": 1122, "ncbi_disease": 489, "hoc": 4947},
    "finance": {"fiqa_sa": 379 + 575, "tatqa": 1668, "fin_ner": 511},
    "sports": {"sports_understanding": 300, "bbh_sports_understanding": 250, **CASE_STUDY},
}


def published_file(relative: str) -> Path:
    """Where a published file lies; missing, it fails the build server and skips by name elsewhere."""
    path = DATA / relative
    if not path.is_file():
        message = f"{path} is missing; set SELFSPEC_DATA to the folder with the published files"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path
