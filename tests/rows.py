"""Rows of the warehouse, with what a test says and something harmless elsewhere."""

from selfspec_assets.warehouse.rows import BenchmarkItemRow


def benchmark_item(benchmark: str, number: int, instruction: str, given_input: str) -> BenchmarkItemRow:
    return BenchmarkItemRow(
        benchmark=benchmark,
        task="qa",
        item=number,
        item_id=f"id{number}",
        instruction=instruction,
        input=given_input,
        references=["yes"],
        document="",
    )
