"""What selfspec imports: a retriever, a metric and a refining step register themselves."""

from selfspec_stranger import dense, judge, metric

__all__ = ["dense", "judge", "metric"]
