"""Run the annotation server: choose a free port, open the browser, stop on Ctrl-C."""

import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from handful.annotation.server.app import create_app
from handful.annotation.server.multilabel_app import create_multilabel_app
from handful.annotation.server.multilabel_session import MultilabelSession
from handful.annotation.server.session import Session
from handful.core.sockets import LOCAL, listen


def serve(session: Session, *, host: str, port: int, ready: Callable[[str], None], browser: bool) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        session: what is served; the caller closes it.
        host: "127.0.0.1" is reached from this machine alone.
        port: 0 takes a free one.
        ready: called with the address once the server answers.
        browser: open the address in the browser.

    Raises:
        OutputError: the port is taken, or the host is none of this machine's.
    """
    bound, address = listen(host, port)
    if isinstance(session, MultilabelSession):
        app = create_multilabel_app(session, loopback=host in LOCAL)
    else:
        app = create_app(session, loopback=host in LOCAL)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    address += f"{session.settings.token}/"

    def report_address() -> None:
        while not server.started and not server.should_exit:
            threading.Event().wait(0.05)
        if server.started:
            if not isinstance(session, MultilabelSession):
                session.matching.start()  # what matching compares, before the page asks for it
            ready(address)
            if browser:
                webbrowser.open(address)

    threading.Thread(target=report_address, daemon=True).start()
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()
