"""Handler of Ctrl-C that lets the current training step finish, so that the checkpoint resumes exactly."""

from handful.core.interrupt_handler import InterruptHandler


class Interrupt(InterruptHandler):
    """A context in which the first Ctrl-C only sets `asked`; the second raises at once. Main thread only."""

    def __init__(self) -> None:
        self.asked = False

    def on_interrupt(self) -> None:
        """Note the first one.

        Raises:
            KeyboardInterrupt: it is the second.
        """
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
