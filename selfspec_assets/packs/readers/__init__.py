"""Readers of the formats in which benchmarks are published: a native file in, items out.

A reader is a function: a path first, then options by name. A pack names it with ``reader:`` and gives the options
with ``options:``; one that fits no format below writes such a function in its own ``readers.py``. Readers are strict:
a file that is not what it should be stops with file and line, or item. What may be passed over, and items of a large
file that cannot be read, are given as a ``Remark`` in their place: ``selfspec check`` counts them.

==================  ===========================================================================================
``iob``             tagged tokens, a line each or in lists (Parquet, JSON lines) → ``mention <Type>, mention <Type>``
``brat``            the same from BRAT's texts and annotations, a folder of .txt and .ann
``labelled_lines``  one text and its label, or labels, per line
``table``           CSV or TSV: which columns make the question, which holds the answer
``column_table``    CSV or TSV: several columns of yes and no, each a question about its row
``jsonl``           JSON lines: which fields make the question, which holds the answers, or the project's own format
``json``            JSON, a list of objects or objects by name: as ``jsonl``
``parquet``         Parquet, as hub datasets have it: as ``jsonl``
``instructions``    Alpaca and ShareGPT, JSON or JSON lines: instruction and input → output
``squad``           SQuAD 1.1 and 2.0 JSON
``bigbench``        the JSON of BIG-bench and of BIG-Bench Hard, with the choices that a task shows
``bioasq``          BioASQ golden JSON, one type of question
``ddi``             DDI-2013 XML, a file or a folder; the two drugs are marked in the sentence
``tatqa``           TAT-QA JSON: questions about a table and the text beside it
``convfinqa``       ConvFinQA JSON: conversations about a table and the text beside it
==================  ===========================================================================================

``table``, ``jsonl``, ``json`` and ``parquet`` ask in the same way (``question.Question``), multiple choice too.
"""

from collections.abc import Callable, Iterator

from selfspec_assets import plugins
from selfspec_assets.packs.readers.bigbench import bigbench
from selfspec_assets.packs.readers.bioasq import bioasq
from selfspec_assets.packs.readers.brat import brat
from selfspec_assets.packs.readers.ddi import ddi
from selfspec_assets.packs.readers.financial import convfinqa, tatqa
from selfspec_assets.packs.readers.instructions import instructions
from selfspec_assets.packs.readers.iob import iob
from selfspec_assets.packs.readers.json_files import json, jsonl
from selfspec_assets.packs.readers.lines import labelled_lines
from selfspec_assets.packs.readers.parquet import parquet
from selfspec_assets.packs.readers.squad import squad
from selfspec_assets.packs.readers.tables import column_table, table
from selfspec_assets.packs.records import Item, Remark

Reader = Callable[..., Iterator[Item | Remark]]  # (path, **options)

SHARED: dict[str, Reader] = {
    "jsonl": jsonl,
    "json": json,
    "iob": iob,
    "brat": brat,
    "labelled_lines": labelled_lines,
    "table": table,
    "column_table": column_table,
    "parquet": parquet,
    "instructions": instructions,
    "squad": squad,
    "bigbench": bigbench,
    "bioasq": bioasq,
    "ddi": ddi,
    "tatqa": tatqa,
    "convfinqa": convfinqa,
}

for _name, _reader in SHARED.items():
    plugins.reader(_name, version="1")(_reader)
