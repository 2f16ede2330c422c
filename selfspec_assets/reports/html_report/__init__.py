"""``selfspec report``: one HTML file on one recipe, with all that it shows inside it."""

from selfspec_assets.reports.html_report.page import write_report

__all__ = ["write_report"]
