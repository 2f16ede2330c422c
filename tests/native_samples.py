"""Small files in the native formats of the packs' published benchmarks; every text in them is invented."""

import json
from typing import Any

IOB = "Marfan\tB-Disease\nsyndrome\tI-Disease\n(\tO\nMFS\tB-Disease\n)\tO\n\nNothing\tO\nhere\tO\n\nMFS\tB-Disease\n"
HOC = "Cells died .\tresisting cell death|cellular energetics\n\nWe thank all .\tempty\n"
PUBMEDQA: dict[str, Any] = {
    "17": {
        "QUESTION": "Does it work?",
        "CONTEXTS": ["Aim.", "Result."],
        "LABELS": ["A", "R"],
        "LONG_ANSWER": "It does.",
        "final_decision": "yes",
    }
}
SNIPPETS = [{"text": "HTT is\nmutated."}, {"text": "Other."}, {"text": "Other."}]
BIOASQ: dict[str, Any] = {
    "questions": [
        {
            "id": "a",
            "type": "factoid",
            "body": "Which gene?",
            "snippets": SNIPPETS,
            "exact_answer": [["HTT", "huntingtin"]],
        },
        {
            "id": "b",
            "type": "list",
            "body": "Which two?",
            "snippets": SNIPPETS,
            "exact_answer": [["HTT", "huntingtin"], ["JPH3"]],
        },
        {"id": "c", "type": "yesno", "body": "Is it?", "snippets": [], "exact_answer": "Yes"},
        {"id": "d", "type": "summary", "body": "What is it?", "snippets": SNIPPETS, "ideal_answer": ["A gene."]},
    ]
}
DDI = """<?xml version="1.0" encoding="UTF-8"?>
<document id="d0"><sentence id="d0.s0" text="Aspirin adds to warfarin, not to iron or zinc salts.">
<entity id="e0" charOffset="0-6" type="drug" text="Aspirin"/>
<entity id="e1" charOffset="16-23" type="drug" text="warfarin"/>
<entity id="e2" charOffset="33-36;46-50" type="group" text="iron salts"/>
<pair id="p0" e1="e0" e2="e1" ddi="true" type="effect"/><pair id="p1" e1="e0" e2="e2" ddi="false"/>
</sentence><sentence id="d0.s1" text="No drug."/></document>
"""
DRUGS = (
    'unique_hash,text,drug,sentiment\nh1,"It helped, ""really"".\nThanks",ocrevus,0\n'
    "h2,Bad.,gilenya,1\nh3,So.,gilenya,2\n"
)
BIOMEDICINE = {
    "bioasq_factoid": json.dumps(BIOASQ),
    "bioasq_list": json.dumps(BIOASQ),
    "bioasq_yesno": json.dumps({"questions": [{**BIOASQ["questions"][2], "snippets": SNIPPETS}]}),
    "pubmedqa_long": json.dumps(PUBMEDQA),
    "anatem": "The\tO\nliver\tB-Anatomy\nand\tO\nheart\tB-Anatomy\nmuscle\tI-Anatomy\n",
    "bionlp13cg": "TP53\tB-Gene_or_gene_product\nin\tO\nmice\tB-Organism\n",
    "ncbi_disease": IOB,
    "ddi": DDI,
    "medical_drugs": DRUGS,
    "hoc": HOC,
}


# Finance


FIQA: dict[str, Any] = {
    "12": {
        "sentence": "Karstow up, Sorvane down",
        "info": [
            {"snippets": "['up']", "target": "Karstow", "sentiment_score": "0.1", "aspects": "['Stock']"},
            {"snippets": "['down']", "target": "Sorvane", "sentiment_score": "-0.101", "aspects": "['Stock']"},
        ],
    },
    "15": {
        "sentence": "Does $PLWK trade today?",
        "info": [{"snippets": "['trade']", "target": "PLWK", "sentiment_score": "-0.1", "aspects": "['Stock']"}],
    },
}
PHRASEBANK = "Köln's ferry line doubled its profit .@positive\nThe office is in Bergen ; write to a@b .@neutral\n"
GOLD_LABELS = "Price or Not,Direction Up,Direction Constant,Direction Down,PastPrice,FuturePrice,PastNews,FutureNews"
GOLD = (
    f",Dates,URL,News,{GOLD_LABELS},Asset Comparision\n"
    '0,2001-02-03,http://x,"Gold gains, silver lags",1,1,0,0,1,0,0,0,1\n'
    "1,2001-02-04,http://y,Thieves take gold ring,0,0,0,0,0,0,1,0,0\n"
)
CONVFINQA: list[dict[str, Any]] = [
    {
        "id": "Single_QLT/2012/page_3.pdf-1",
        "pre_text": ["sales by region , in thousands ."],
        "post_text": ["the north grew ."],
        "table": [["", "2012", "2011"], ["north", "$ 640", "$ 500"]],
        "qa": {"question": "by what percentage did sales grow?", "answer": "28%", "exe_ans": 0.28},
        "annotation": {
            "dialogue_break": ["what was the change in sales?", "and in percent of 2011?"],
            "turn_program": ["subtract(640, 500)", "subtract(640, 500), divide(#0, 500)"],
            "exe_ans_list": [140.0, 0.28],
        },
    }
]
TATQA: list[dict[str, Any]] = [
    {
        "table": {
            "uid": "t1",
            "table": [["", "2021", "2020"], ["Marketing", "7.2", "6.0"], ["Research", "3.1", "3.3"]],
        },
        "paragraphs": [{"uid": "p1", "order": 1, "text": "Figures are in millions of pounds."}],
        "questions": [
            {"uid": "q1", "question": "What rose?", "answer": ["Marketing"], "answer_type": "span", "scale": ""},
            {"uid": "q2", "question": "By how much?", "answer": 1.2, "answer_type": "arithmetic", "scale": "million"},
            {"uid": "q3", "question": "In percent?", "answer": 20, "answer_type": "arithmetic", "scale": "percent"},
            {"uid": "q4", "question": "Which years?", "answer": ["2021", "2020"], "answer_type": "x", "scale": ""},
        ],
    }
]
FIN_NER = (
    "-DOCSTART- -X- O O\n\nMarta NNP - I-PER\nQuill NNP - I-PER\nof IN - O\nTarnwick NNP - I-ORG\nMills NNP - I-ORG\n"
    "in IN - O\nOslo NNP - I-LOC\n\nNorwegian JJ - I-MISC\nlaw NN - O\napplies VBZ - O\n"
)
FINANCE: dict[str, str | bytes] = {
    "fiqa_sa": json.dumps(FIQA),
    "financial_phrasebank": PHRASEBANK.encode("latin-1"),
    "gold_headlines": GOLD,
    "convfinqa": json.dumps(CONVFINQA),
    "tatqa": json.dumps(TATQA),
    "fin_ner": FIN_NER,
}


# Sports


SPORTQA = [
    {"Question": "Which sport has a scrum?\nA) Golf\nB) Rugby\nC) Tennis\nD) Judo\n", "Answer": "B"},
    {"Question": "When was the club founded?\n\nA. 1901-02-03\nB. 1911-02-03\nC. unknown", "Answer": "C"},
    {"Question": "J.P. Tarrick played for whom?\nA) Oslo\nB) Bergen", "Answer": "A) Oslo"},
]
CASE_STUDY = {
    "sentiment": [("Comment: What a team!", "positive"), ("Comment: We play at six.", "neutral")],
    "event_plausibility": [
        ("Report: The pitcher threw a strike.", "plausible"),
        ("Report: The pitcher won by ippon.", "implausible"),
    ],
    "commentary_qa": [("Commentary: 9' Goal for Oslo.\nQuestion: Who scored?", "Oslo")],
    "implicit_knowledge": [("Question: Which sport has a scrum?", "rugby")],
    "data_to_text": [("Data:\nhome: Oslo 1\naway: Bergen 0", "Oslo beat Bergen 1-0 at home.")],
    "highlights": [
        ("Commentary:\n9' Goal for Oslo.\n90' The end, 1-0.", "Oslo won 1-0 with a goal in the 9th minute.")
    ],
}


def _line(number: int, row: tuple[str, str]) -> str:
    return json.dumps({"id": f"i{number}", "input": row[0], "references": [row[1]]}) + "\n"


SPORTS: dict[str, str | bytes] = {
    "sports_understanding": json.dumps(
        {
            "append_choices_to_input": False,
            "examples": [
                {"input": "Ilse Varnholt punched the cross away", "target_scores": {"plausible": 1, "implausible": 0}},
                {"input": "Pol Denzing rowed a free throw", "target_scores": {"plausible": 0, "implausible": 1}},
            ],
        }
    ),
    "bbh_sports_understanding": json.dumps(
        {"examples": [{"input": 'Is the following sentence plausible? "Mira served an ace."', "target": "yes"}]}
    ),
    "sportqa": json.dumps(SPORTQA),
    **{name: "".join(_line(*row) for row in enumerate(rows)) for name, rows in CASE_STUDY.items()},
}
NATIVE: dict[str, dict[str, Any]] = {"biomedicine": BIOMEDICINE, "finance": FINANCE, "sports": SPORTS}
