"""The views of the published database: what people ask of a run, as one SELECT each.

They read the published tables only, which hold what every partition shows now. A step's rows may have been made from
revisions that are no longer shown (its input was remade, it was not yet): where a view joins two steps' rows it takes
only those that belong together, which ``made_from`` says.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """A view: what it answers, its SELECT, and what its columns hold where ``comments`` does not say it."""

    name: str
    comment: str
    sql: str
    columns: dict[str, str]


def _from_shown(alias: str, step: str, inputs: str = "TRUE") -> str:
    """A condition: the step's revision in the partition of ``alias`` was made from inputs that are shown now.

    Args:
        step: an SQL expression.
        inputs: which of them count, as a condition on ``m.input_step``.
    """
    return f"""NOT EXISTS (
    SELECT 1 FROM made_from m
    WHERE m.recipe = {alias}.recipe AND m.domain = {alias}.domain AND m.iteration = {alias}.iteration
      AND m.step = {step} AND NOT m.shown AND {inputs})"""


# Rejecting verdicts that count. A judge that the recipe no longer names leaves its verdicts behind: whatever reads
# the judged step, made from what that step shows now, was then made without the judge.
_COUNTED = f"""
    SELECT v.* FROM verdicts v
    WHERE v.verdict = 'rejected' AND {_from_shown("v", "v.step")}
      AND NOT EXISTS (
        SELECT 1 FROM made_from reader
        WHERE reader.recipe = v.recipe AND reader.domain = v.domain AND reader.iteration = v.iteration
          AND reader.step = CASE v.refines WHEN 'instructions' THEN 'passages' ELSE 'adapter' END
          AND reader.input_step = v.refines AND reader.input_iteration = v.iteration AND reader.shown
          AND NOT EXISTS (
            SELECT 1 FROM made_from named
            WHERE named.recipe = reader.recipe AND named.domain = reader.domain
              AND named.iteration = reader.iteration AND named.step = reader.step AND named.input_step = v.step))"""

_PARTITION = "recipe, domain, iteration"

MADE_FROM = View(
    "made_from",
    "Which revisions each revision was made from, and whether those are still the ones that are shown.",
    """
SELECT i.recipe, i.domain, i.iteration, i.step,
       split_part(i.input.key, '|', 1) AS input_step,
       TRY_CAST(split_part(i.input.key, '|', 2) AS INTEGER) AS input_iteration,
       i.input.value AS input_signature,
       s.signature IS NOT NULL AS shown
FROM (SELECT recipe, domain, iteration, step, unnest(map_entries(inputs)) AS input FROM revisions) i
LEFT JOIN revisions s
  ON s.recipe = i.recipe AND s.domain = i.domain AND s.step = split_part(i.input.key, '|', 1)
 AND s.iteration = TRY_CAST(split_part(i.input.key, '|', 2) AS INTEGER) AND s.signature = i.input.value
WHERE regexp_full_match(i.input.key, '\\w+\\|\\d+')""",
    {
        "input_step": "The step that it read.",
        "input_iteration": "Of which iteration; 0 for what belongs to the domain alone.",
        "input_signature": "The signature of the revision that it read.",
        "shown": "Whether that revision is the one in the tables now; if not, the step is out of date.",
    },
)

TRAINING_SET = View(
    "training_set",
    "What each adapter was tuned on, a row an example; none for an adapter whose inputs were made anew since.",
    f"""
WITH read AS (
    SELECT u.* FROM made_from u
    WHERE u.step = 'adapter' AND u.input_step <> 'adapter'
      AND {_from_shown("u", "'adapter'", "m.input_step <> 'adapter'")}),
edits AS (
    SELECT j.recipe, j.domain, j.iteration, j.input_iteration, v.row, any_value(v.edited) AS edited
    FROM read j JOIN verdicts v
      ON v.recipe = j.recipe AND v.domain = j.domain AND v.step = j.input_step AND v.iteration = j.input_iteration
    WHERE v.refines = 'responses' AND v.edited IS NOT NULL
    GROUP BY ALL),
examples AS (
    SELECT u.recipe, u.domain, u.iteration, 'responses' AS source, u.input_iteration AS source_iteration,
           r.instruction_id AS row, NULL AS benchmark, r.instruction, r.input,
           coalesce(d.edited, r.response) AS response, p.title AS passage_title, p.text AS passage
    FROM read u
    JOIN responses r ON r.recipe = u.recipe AND r.domain = u.domain AND r.iteration = u.input_iteration
    LEFT JOIN edits d
      ON d.recipe = u.recipe AND d.domain = u.domain AND d.iteration = u.iteration
     AND d.input_iteration = u.input_iteration AND d.row = r.instruction_id
    LEFT JOIN (SELECT * FROM passages a WHERE rank = 1 AND {_from_shown("a", "'responses'")}) p
      ON p.recipe = r.recipe AND p.domain = r.domain AND p.iteration = r.iteration
     AND p.instruction_id = r.instruction_id
    WHERE u.input_step = 'responses' AND r.verdict = 'kept'
      AND NOT EXISTS (
        SELECT 1 FROM verdicts v JOIN read j
          ON j.recipe = v.recipe AND j.domain = v.domain AND j.input_step = v.step AND j.input_iteration = v.iteration
        WHERE j.recipe = u.recipe AND j.domain = u.domain AND j.iteration = u.iteration
          AND v.iteration = u.input_iteration AND v.refines = 'responses' AND v.row = r.instruction_id
          AND v.verdict = 'rejected')
    UNION ALL
    SELECT u.recipe, u.domain, u.iteration, 'seeds', 0, s.seed, NULL, s.instruction, s.input, s.output, NULL, NULL
    FROM read u JOIN seeds s ON s.recipe = u.recipe AND s.domain = u.domain
    WHERE u.input_step = 'seeds'
    UNION ALL
    SELECT u.recipe, u.domain, u.iteration, 'training_items', 0, t.item, t.benchmark, t.instruction, t.input,
           t."references"[1], NULL, NULL
    FROM read u JOIN training_items t ON t.recipe = u.recipe AND t.domain = u.domain
    WHERE u.input_step = 'training_items')
SELECT e.recipe, e.domain, e.iteration, e.source, e.source_iteration, e.row, e.benchmark, e.instruction, e.input,
       e.response, e.passage_title, e.passage
FROM examples e
WHERE NOT EXISTS (
    SELECT 1 FROM too_long_examples t
    WHERE t.recipe = e.recipe AND t.domain = e.domain AND t.iteration = e.iteration AND t.source = e.source
      AND t.source_iteration = e.source_iteration AND t.row = e.row
      AND t.benchmark IS NOT DISTINCT FROM e.benchmark)""",
    {
        "iteration": "The adapter's iteration; 0 for none.",
        "source": "The table that the example stands in: responses, seeds or training_items.",
        "source_iteration": "Its iteration there; 0 for seeds and training items.",
        "row": "Its instruction_id, seed or item there.",
        "benchmark": "Its benchmark, for training_items; else NULL.",
        "response": "The answer that the adapter learnt to give, as a judge edited it if one did.",
        "passage_title": "Title of the best passage that the answer was written over; NULL where there was none.",
        "passage": "Text of that passage. The adapter was not shown it.",
    },
)

# The step that a row of ``scores`` is of.
_SCORING = "CASE WHEN s.iteration > 0 THEN 'scores' WHEN s.model = 'base' THEN 'base_scores' ELSE 'further_scores' END"

LEADERBOARD = View(
    "leaderboard",
    "Macro scores of base, adapters and further models, the best first at each number of shots; scores has the rest.",
    f"""
SELECT recipe, domain, iteration, model, variant, shots,
       rank() OVER (PARTITION BY recipe, domain, shots ORDER BY f1 DESC) AS rank,
       f1, f1_low, f1_high, rouge_l, missing
FROM (
    SELECT {_PARTITION}, model, variant, shots,
           max(value) FILTER (metric = 'f1') AS f1,
           max(low) FILTER (metric = 'f1') AS f1_low,
           max(high) FILTER (metric = 'f1') AS f1_high,
           max(value) FILTER (metric = 'rouge_l') AS rouge_l,
           any_value(missing) AS missing
    FROM scores s
    WHERE benchmark = 'average' AND NOT oracle
      AND {_from_shown("s", _SCORING)}
    GROUP BY ALL)
ORDER BY recipe, domain, shots, rank, iteration, variant""",
    {
        "iteration": "Of the adapter; 0 for the base model and for further models.",
        "rank": "Place by F1, from 1.",
        "f1": "Macro mean of token F1 over the benchmarks, 0 to 100.",
        "f1_low": "Lower end of its 95 % interval.",
        "f1_high": "Upper end of its 95 % interval.",
        "rouge_l": "Macro mean of ROUGE-L over the benchmarks, 0 to 100.",
    },
)

REJECTIONS = View(
    "rejections",
    "What was rejected: at which step, why, and the row. Nothing after that step read it.",
    f"""
SELECT {_PARTITION}, 'corpus' AS step, reason, position AS row, NULL AS instruction, NULL AS input,
       document_id AS text, coalesce(match, file) AS detail
FROM corpus_dropped
UNION ALL
SELECT {_PARTITION}, 'instructions', reason, instruction_id, instruction, input, NULL, nearest
FROM instructions WHERE NOT kept
UNION ALL
SELECT {_PARTITION}, 'responses', coalesce(reason, verdict), instruction_id, instruction, input, response, finish
FROM responses WHERE verdict <> 'kept'
UNION ALL
SELECT v.recipe, v.domain, v.iteration, v.step, v.reason, v.row, coalesce(r.instruction, i.instruction),
       coalesce(r.input, i.input), r.response, v.refines
FROM ({_COUNTED}) v
LEFT JOIN responses r ON v.refines = 'responses' AND r.recipe = v.recipe AND r.domain = v.domain
  AND r.iteration = v.iteration AND r.instruction_id = v.row
LEFT JOIN instructions i ON v.refines = 'instructions' AND i.recipe = v.recipe AND i.domain = v.domain
  AND i.iteration = v.iteration AND i.instruction_id = v.row
UNION ALL
SELECT t.recipe, t.domain, t.iteration, 'adapter', 'too_long', t.row, coalesce(r.instruction, s.instruction),
       coalesce(r.input, s.input), coalesce(r.response, s.output), t.source
FROM too_long_examples t
LEFT JOIN responses r ON t.source = 'responses' AND r.recipe = t.recipe AND r.domain = t.domain
  AND r.iteration = t.source_iteration AND r.instruction_id = t.row
LEFT JOIN seeds s ON t.source = 'seeds' AND s.recipe = t.recipe AND s.domain = t.domain AND s.seed = t.row""",
    {
        "step": "The step that rejected it; a judging step by its own name.",
        "reason": "Why, in the step's words.",
        "row": "instruction_id; of corpus: line, row or article in its file; of adapter: instruction_id, seed or item.",
        "instruction": "The task in words; NULL for a document.",
        "input": "What the task is about; NULL for a document.",
        "text": "The answer that was rejected, or the document's id.",
        "detail": "instructions: the earlier one it is most like; responses: why it ended; judging steps: what they "
        "judge; adapter: the table it stands in; corpus: what it repeats, or its file.",
    },
)

ANSWER_SOURCES = View(
    "answer_sources",
    "Each answer with its passages, and how much of it came from each by Eq. 2's posterior.",
    f"""
SELECT r.recipe, r.domain, r.iteration, r.instruction_id, r.instruction, r.input, r.response, r.verdict,
       p.rank, p.document_id, p.title, p.text, p.p_ret, t.share, t.tokens_won
FROM responses r
JOIN passages p ON p.recipe = r.recipe AND p.domain = r.domain AND p.iteration = r.iteration
  AND p.instruction_id = r.instruction_id
LEFT JOIN (
    SELECT {_PARTITION}, instruction_id, rank, avg(posterior[rank]) AS share,
           count(*) FILTER (list_position(posterior, list_max(posterior)) = rank) AS tokens_won
    FROM (SELECT {_PARTITION}, instruction_id, posterior, unnest(range(1, len(posterior) + 1)) AS rank
          FROM response_tokens)
    GROUP BY ALL) t ON t.recipe = p.recipe AND t.domain = p.domain AND t.iteration = p.iteration
  AND t.instruction_id = p.instruction_id AND t.rank = p.rank
WHERE {_from_shown("r", "'responses'", "m.input_step = 'passages'")}""",
    {
        "p_ret": "The passage's weight before the first token, from the retriever alone.",
        "share": "Its weight in the end: the posterior's mean over the answer's tokens; NULL where none was written.",
        "tokens_won": "Tokens at which this passage had the largest posterior.",
    },
)

LINEAGE = View(
    "lineage",
    "A row an instruction: what asked for it, its passages, its answer, who rejected it, which adapters learnt it.",
    f"""
SELECT i.recipe, i.domain, i.iteration, i.instruction_id, i.request, i.seed_ids, i.instruction, i.input, i.kept,
       i.reason, p.passages, r.response, r.verdict AS answer_verdict, r.reason AS answer_reason, v.judged_out_by,
       t.trained_in
FROM instructions i
LEFT JOIN (
    SELECT {_PARTITION}, instruction_id, list(title ORDER BY rank) AS passages
    FROM passages a WHERE {_from_shown("a", "'passages'")} GROUP BY ALL) p
  ON p.recipe = i.recipe AND p.domain = i.domain AND p.iteration = i.iteration
 AND p.instruction_id = i.instruction_id
LEFT JOIN (
    SELECT * FROM responses a WHERE {_from_shown("a", "'responses'", "m.input_step = 'instructions'")}) r
  ON r.recipe = i.recipe AND r.domain = i.domain AND r.iteration = i.iteration
 AND r.instruction_id = i.instruction_id
LEFT JOIN (
    SELECT {_PARTITION}, row, list(step || ': ' || reason ORDER BY step) AS judged_out_by
    FROM ({_COUNTED}) GROUP BY ALL) v
  ON v.recipe = i.recipe AND v.domain = i.domain AND v.iteration = i.iteration AND v.row = i.instruction_id
LEFT JOIN (
    SELECT recipe, domain, source_iteration, row, list(iteration ORDER BY iteration) AS trained_in
    FROM training_set WHERE source = 'responses' GROUP BY ALL) t
  ON t.recipe = i.recipe AND t.domain = i.domain AND t.source_iteration = i.iteration AND t.row = i.instruction_id""",
    {
        "kept": "Whether it passed the filters and was new.",
        "reason": "Why not, NULL where it was kept.",
        "passages": "Titles of its passages, the best first; NULL where there are none.",
        "response": "Its answer; NULL where it was not asked for one.",
        "answer_verdict": "kept, rejected or failed; NULL without an answer.",
        "answer_reason": "Why the answer is not kept, NULL where it is.",
        "judged_out_by": "Judging steps that rejected it, each with its reason; NULL where none did.",
        "trained_in": "Iterations whose adapters were tuned on it; NULL for none.",
    },
)

COSTS = View(
    "costs",
    "What making each step cost. Recipes that agree up to a step share it: count a signature once.",
    f"""
SELECT {_PARTITION}, step, seconds, input_tokens, output_tokens,
       CASE WHEN seconds > 0 THEN output_tokens / seconds END AS output_tokens_per_second,
       peak_memory_mb, device, started_at, signature,
       count(*) OVER (PARTITION BY signature) AS shown_by
FROM runs""",
    {
        "output_tokens_per_second": "output_tokens over seconds.",
        "shown_by": "How many partitions show this very revision; it was paid for once.",
    },
)

YIELDS = View(
    "yields",
    "From requests to what an adapter was tuned on, a row per recipe, domain and iteration.",
    f"""
WITH written AS (
    SELECT {_PARTITION}, count(*) AS written, count(*) FILTER (kept) AS kept FROM instructions GROUP BY ALL),
requested AS (SELECT {_PARTITION}, count(*) AS requests FROM instruction_requests GROUP BY ALL),
answered AS (
    SELECT {_PARTITION}, count(*) AS asked, count(*) FILTER (verdict = 'kept') AS answers_kept
    FROM responses GROUP BY ALL),
judged AS (
    SELECT {_PARTITION}, count(DISTINCT row) FILTER (refines = 'instructions') AS instructions_judged_out,
           count(DISTINCT row) FILTER (refines = 'responses') AS answers_judged_out
    FROM ({_COUNTED}) GROUP BY ALL)
SELECT recipe, domain, iteration, requests, written, kept, coalesce(instructions_judged_out, 0) AS
       instructions_judged_out, asked, answers_kept, coalesce(answers_judged_out, 0) AS answers_judged_out,
       a.examples AS trained_on, a.too_long, a.optimiser_steps
FROM written FULL JOIN requested USING ({_PARTITION}) FULL JOIN answered USING ({_PARTITION})
FULL JOIN (SELECT * FROM adapters) a USING ({_PARTITION}) LEFT JOIN judged USING ({_PARTITION})""",
    {
        "requests": "Prompts that asked for instructions.",
        "written": "Instructions that were read from what came back.",
        "kept": "Those that passed the filters and were new.",
        "instructions_judged_out": "Of these, rejected by judging steps.",
        "asked": "Instructions that were asked for an answer.",
        "answers_kept": "Answers that ended well.",
        "answers_judged_out": "Of these, rejected by judging steps.",
        "trained_on": "Examples of the adapter, seeds and earlier iterations included where the recipe says so.",
    },
)

VIEWS = (MADE_FROM, TRAINING_SET, LEADERBOARD, REJECTIONS, ANSWER_SOURCES, LINEAGE, COSTS, YIELDS)
