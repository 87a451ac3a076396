"""Flows: demand-driven pipelines of actors, bounded end to end."""

from patterns.flow.flow import Flow, pulled, source
from patterns.flow.messages import Report, StageEnded, Undelivered
from patterns.flow.opened import Opened
from patterns.flow.plan import FlowMisused

__all__ = ["Flow", "FlowMisused", "Opened", "Report", "StageEnded", "Undelivered", "pulled", "source"]
