"""What a pack's ``readers.py`` and ``filters.py`` need."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.records import Item, Remark, Seed, text_field

__all__ = ["Item", "Remark", "Seed", "SelfspecError", "text_field"]
