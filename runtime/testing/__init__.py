"""For the tests of whoever writes actors: a probe, fixtures for pytest, seeds, a state machine for Hypothesis.

Fixtures stand in `runtime.testing.fixtures`, the state machine in `runtime.testing.machine`: what the one needs of
pytest and the other of Hypothesis need not be installed for the rest.
"""

from runtime.clock import NeverTrue, VirtualClock
from runtime.lab.stuck import Stuck
from runtime.testing.leaks import Leaked, Leaks
from runtime.testing.probe import Probe, ProbeFailed
from runtime.testing.simulated import simulated

__all__ = ["Leaked", "Leaks", "NeverTrue", "Probe", "ProbeFailed", "Stuck", "VirtualClock", "simulated"]
