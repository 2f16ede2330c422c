"""English text scores, is found and counts as novel as it did by rules that know ASCII alone: over real data."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
import pytest
from rank_bm25 import BM25Okapi
from rouge_score import rouge_scorer

from selfspec_assets.base.words import count_words, first_words
from selfspec_assets.method.instructions.novelty import NoveltyIndex
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.method.scoring.extra_metrics import ascii_rouge_l, squad_f1
from selfspec_assets.method.scoring.metrics import normalise, rouge_l, token_f1
from selfspec_assets.packs.corpora.documents import read_corpus
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.records import load_seeds
from selfspec_assets.recipe.sections import DataKind
from tests.checkout import ROOT
from tests.published_data import DATA, published_file

DOMAINS = ("biomedicine", "finance", "sports")
FILES = {
    "biomedicine": ("biomedicine/ncbi_disease/devel.tsv", "biomedicine/pubmedqa/ori_pqal.json"),
    "finance": ("finance/tatqa/tatqa_dataset_dev.json", "finance/fin_ner/FIN5.txt"),
    "sports": ("sports/sports_understanding/task.json", "sports/bbh/sports_understanding.json"),
}
KINDS: tuple[DataKind, ...] = ("bundled", "published")
MOST = 60


@pytest.fixture(params=DOMAINS)
def pack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pack:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    for relative in (*FILES[request.param], f"{request.param}/corpus.jsonl.gz"):
        published_file(relative)
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    return load_pack(request.param)


def answers(pack: Pack, kind: DataKind) -> Iterator[tuple[str, str]]:
    """Right, wrong and partly right answers beside a reference: those of the next item, and the item's own text."""
    for benchmark in pack.present(kind):
        for item, other in islice(pairwise(load_items(pack, benchmark, kind)), MOST):
            for said in (item.references[0], other.references[0], item.input):
                yield said, item.references[0]


@pytest.mark.parametrize("kind", KINDS)
def test_scores(pack: Pack, kind: DataKind) -> None:
    pairs = [(said, gold) for said, gold in answers(pack, kind) if (said + gold).isascii()]
    assert len(pairs) > 100
    for said, gold in pairs:
        assert token_f1(said, gold) == squad_f1(said, gold) or not normalise(gold)
        assert rouge_l(said, gold) == ascii_rouge_l(said, gold)


@pytest.mark.parametrize("kind", KINDS)
def test_retrieval(pack: Pack, kind: DataKind) -> None:
    """By rank_bm25 over runs of letters and digits; of the published corpora the documents that are ASCII."""
    path = pack.corpus_path(kind) if kind == "bundled" else DATA / pack.name / "corpus.jsonl.gz"
    read = (one for one in read_corpus(path) if (one.title + one.text).isascii())
    documents = list(islice(read, 400))
    okapi = BM25Okapi([re.findall(r"[^\W_]+", f"{one.title} {one.text}".lower()) for one in documents])
    retriever = Bm25Retriever(documents, idf="okapi")
    for document in documents[::20]:
        query = first_words(document.text, 30)
        scores = okapi.get_scores(re.findall(r"[^\W_]+", query.lower()))
        assert np.array_equal(retriever.scores(query), scores)
        assert count_words(document.text) == len(document.text.split())


def test_novelty(pack: Pack) -> None:
    seeds = load_seeds(pack.seeds_path("bundled"))
    texts = [f"{seed.instruction} {first_words(seed.input, 12)}" for seed in seeds][:70]
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    for threshold in (0.3, 0.7):
        index, kept, blocked = NoveltyIndex(threshold), list[str](), 0
        for text in texts:
            best = max((float(scorer.score(old, text)["rougeL"].fmeasure) for old in kept), default=0.0)
            found = index.nearest(text)
            assert (None if found is None else found[0]) == (best if best > threshold else None)
            blocked += found is not None
            index.add(text)
            kept.append(text)
        assert blocked < len(texts)
