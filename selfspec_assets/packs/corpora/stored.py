"""A corpus of passages on the disk: Parquet files that are read a few hundred rows at a time."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
import pyarrow.parquet as pq

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.corpora.documents import Document

SCHEMA = pa.schema([("id", pa.string()), ("title", pa.string()), ("text", pa.string())])
GROUP_ROWS = 512  # a row group is what one look-up reads: about 1 MB
_KEPT_GROUPS = 64


class StoredDocuments(Sequence[Document]):
    """The documents of a folder of Parquet files, in their order; memory holds at most 64 row groups.

    Args:
        folder: holds ``*.parquet`` as ``corpora.build`` writes them.

    Raises:
        SelfspecError: there is no such file, or one is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._files = [self._open(path) for path in sorted(folder.glob("*.parquet"))]
        self._groups: list[tuple[Any, int]] = []  # file, its row group
        self._starts = [0]
        for file in self._files:
            for group in range(file.metadata.num_row_groups):
                self._groups.append((file, group))
                self._starts.append(self._starts[-1] + file.metadata.row_group(group).num_rows)
        if not self._groups:
            raise SelfspecError(folder, "holds no documents", "delete this revision and run again")
        self._read: OrderedDict[int, Any] = OrderedDict()  # a group's rows as Arrow has them

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | list[Document]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= place < len(self):
            raise IndexError(f"document {index} of {len(self)}")
        group = bisect_right(self._starts, place) - 1
        return Document(**self._rows(group).slice(place - self._starts[group], 1).to_pylist()[0])

    def __iter__(self) -> Iterator[Document]:
        for file in self._files:
            for batch in file.iter_batches(GROUP_ROWS):
                for row in batch.to_pylist():
                    yield Document(**row)

    def _rows(self, group: int) -> Any:
        if group not in self._read:
            file, number = self._groups[group]
            self._read[group] = file.read_row_group(number)
            if len(self._read) > _KEPT_GROUPS:
                self._read.popitem(last=False)
        self._read.move_to_end(group)
        return self._read[group]

    def _open(self, path: Path) -> Any:
        try:
            return pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            reason = f"is damaged: {str(error).splitlines()[0]}"
            raise SelfspecError(path, reason, f"delete the folder {path.parent.parent} and run again") from error
