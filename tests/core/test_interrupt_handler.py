import signal
import threading

from handful.core.interrupt_handler import InterruptHandler


class Counted(InterruptHandler):
    def __init__(self) -> None:
        self.number = 0

    def on_interrupt(self) -> None:
        self.number += 1


def test_interrupts_are_handled_until_the_context_ends_and_then_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Counted() as outer:
        signal.raise_signal(signal.SIGINT)
        with Counted() as inner:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert (outer.number, inner.number) == (2, 2)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_leaves_the_handler_as_it_is() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def enter() -> None:
        with Counted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]
