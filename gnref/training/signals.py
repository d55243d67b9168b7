"""Stopping when asked: the step is finished and saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gnref.training.distributed import Processes


class Stop(threading.Event):
    """Set when a run is asked to stop."""

    interrupted = False
    """Whether by Ctrl-C."""


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """An event that SIGTERM sets, and the first Ctrl-C: the step is finished and saved. The second one interrupts."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and stop.is_set():
            raise KeyboardInterrupt
        stop.interrupted = number == signal.SIGINT
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def asked_to_stop(stop: threading.Event, processes: Processes, step: int) -> bool:
    """Whether to stop: several processes agree on it every eighth step, for agreeing waits for the device."""
    if processes.count == 1:
        return stop.is_set()
    return step % 8 == 0 and processes.any(stop.is_set())
