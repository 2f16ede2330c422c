"""What a pack's ``readers.py`` and ``filters.py`` need."""

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.records import Item, Remark, text_field

__all__ = ["Item", "Remark", "SelfspecError", "text_field"]
