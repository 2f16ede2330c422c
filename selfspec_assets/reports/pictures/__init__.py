"""Pictures of what a step made, for Dagster's metadata (PNG) and the HTML report (SVG), each with a text alternative.

The contract::

    from selfspec_assets.reports import pictures

    # Read from the published database:
    for picture in pictures.of_partition(database, recipe, domain, iteration, step):
        metadata[f"picture/{picture.name}"] = dg.MetadataValue.md(picture.markdown)

    pictures.of_step(step, tables)                  # the same of rows that are at hand: {table: [{column: value}]}
    pictures.of_step(step, tables, form="svg")      # for a page: an <svg> element to stand in HTML
    pictures.of_domain(database, recipe, domain)    # what all steps and iterations rejected, in one picture

``of_partition`` takes the recipe's name; ``iteration`` is 0 for a step of the domain alone. It is to be called after
the commit. Both give a list of ``Picture(name, title, alt, image, form)``, empty where there is nothing to draw: a step
that has no picture, or one whose rows are not there. ``pictures.STEPS`` names the steps that have any, and

========================== =================================== ========================================================
step                       pictures                            tables (columns)
========================== =================================== ========================================================
``instructions``           verbs_and_objects, keywords,        instructions (instruction, input, kept, reason)
                           rejections
``passages``               scores_by_rank                      passages (instruction_id, rank, score)
``responses``              token_sources, rejections           responses (instruction_id, instruction, verdict, reason),
                                                               response_tokens (instruction_id, position, token,
                                                               posterior), passages (instruction_id, rank, title)
a refining step            rejections                          verdicts (step, verdict, reason)
``adapter``                loss                                losses (step, epoch, loss)
``base_scores, scores, ``  scores                              scores (all columns, of all models and iterations)
``further_scores``
========================== =================================== ========================================================

matplotlib is imported when the first picture is drawn (about a second), never before; no window, no global state.
Images are 900 pixels wide and some 5 to 60 kB each. Only columns that are named above are read, and the
tokens of at most 200 answers. Text of models and files is data: no markup, no mathematics.
"""

from selfspec_assets.reports.pictures.canvas import Form, Picture
from selfspec_assets.reports.pictures.steps import STEPS, of_domain, of_partition, of_step

__all__ = ["STEPS", "Form", "Picture", "of_domain", "of_partition", "of_step"]
