"""The shipped biomedicine pack."""

from collections.abc import Iterator

import pytest

from selfspec_assets.packs.pack import Pack, load_pack
from tests.checkout import ROOT


@pytest.fixture(scope="module")
def pack() -> Iterator[Pack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(ROOT))
        yield load_pack("biomedicine")
