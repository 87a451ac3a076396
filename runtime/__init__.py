"""Runs actors on Trio: system, supervision, routing, clock, store, doors, lab."""

from runtime.clock import SystemClock, VirtualClock
from runtime.entropy import Entropy
from runtime.pattern import Pattern
from runtime.system import System

__all__ = ["Entropy", "Pattern", "System", "SystemClock", "VirtualClock"]
