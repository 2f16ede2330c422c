"""Tasks that need eyes, ears or a pencil, and tasks about pictures that need only the text."""

import time

import pytest

from selfspec_assets.method.instructions.list_parser import InstructionFilter
from selfspec_assets.method.instructions.picture_tasks import needs_pictures


@pytest.mark.parametrize(
    "instruction",
    [
        "Print the images of the patient's lungs.",
        "Print the images.",
        "Show me a photo of the liver.",
        "Show some pictures of goal celebrations",
        "Read the text, then display the image of the cell.",
        "Draw a diagram of the heart.",
        "Draw the flow chart for this process.",
        "Sketch a picture of a goalkeeper.",
        "Plot a graph of the share price.",
        "Create an illustration of the pathway.",
        "Generate an image that shows a neuron.",
        "Please attach a screenshot.",
        "Can you make a short video of the match?",
        "You are asked to take a photograph of the wound.",
        "Look at the picture and name the disease.",
        "Look carefully at the chart and say what it means.",
        "Watch the video of the goal.",
        "Listen to the audio recording and write it down.",
        "Describe the following image.",
        "Describe what you see in this picture.",
        "Name the organ in the image below.",
        "Using the attached chest photo, give a diagnosis.",
        "Answer with the help of the figure above.",
        "Which trend is seen in the chart below?",
        "Play an audio clip of the heart sound.",
    ],
)
def test_tasks_of_pictures_and_sound(instruction: str) -> None:
    assert needs_pictures(instruction, "")
    assert InstructionFilter([]).reason(instruction, "some text") == "needs_pictures"


@pytest.mark.parametrize(
    "instruction",
    [
        "Summarise the imaging findings of the report.",
        "Extract the image findings from the text.",
        "Describe what an MRI shows in this disease.",
        "Explain how images of the brain are made.",
        "Explain how to take a photograph of the retina.",
        "Show that the drug works.",
        "Show the figures for 2020.",
        "Give the figures of the first quarter.",
        "Give a clear picture of the company's position.",
        "Paint a picture of the economy in words.",
        "Which team is still in the picture?",
        "Describe the video assistant referee.",
        "Who won the photo finish?",
        "Print the names of the patients.",
        "Print the names of the images.",
        "List the diseases that show in radiographs.",
        "Review the patient's chart.",
        "Name the imaging method that the study used.",
        "Does the abstract report on image quality?",
        "Make a table of the results.",
        "Plot the course of the disease in three sentences.",
        "Draw a conclusion from the abstract.",
        "Take a stand on video review in football.",
        "Find the sentence that mentions a video.",
        "Record the dose of each drug.",
        "Play the role of a doctor.",
        "Look at the sentence below and name the gene.",
        "Watch for a negation and say whether the drug helped.",
        "Is a radiographic image needed for the diagnosis?",
    ],
)
def test_tasks_about_pictures(instruction: str) -> None:
    assert not needs_pictures(instruction, "")
    assert InstructionFilter([]).reason(instruction, "some text") is None


@pytest.mark.parametrize("given", ["scan.jpg", "https://example.org/a/b.PNG", "heart.wav "])
def test_an_input_that_is_a_file_of_pictures_or_sound(given: str) -> None:
    assert needs_pictures("Name the disease.", given)
    assert not needs_pictures("Name the disease.", f"The file {given} was lost.")


@pytest.mark.parametrize("unit", ["show ", "the ", "a, ", "image ", "this ", "\n ", "x" * 50 + "."])
def test_reading_time_does_not_explode(unit: str) -> None:
    start = time.perf_counter()
    needs_pictures(unit * (200_000 // len(unit)), unit * 4000)
    assert time.perf_counter() - start < 5
