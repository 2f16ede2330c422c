"""Where outcomes are kept: revisions, manifest, published database, and SQL on it."""

from selfspec_assets.warehouse.attempts import Attempts
from selfspec_assets.warehouse.chunks import ChunkStore
from selfspec_assets.warehouse.query import catalogue_of, check_published, read_only_query, reading, reading_batches
from selfspec_assets.warehouse.revision import Revision, StepKey
from selfspec_assets.warehouse.store import ManifestEntry, Warehouse

__all__ = [
    "Attempts",
    "ChunkStore",
    "ManifestEntry",
    "Revision",
    "StepKey",
    "Warehouse",
    "catalogue_of",
    "check_published",
    "read_only_query",
    "reading",
    "reading_batches",
]
