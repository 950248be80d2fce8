"""Routes of the annotation server for several labels per image, over a `MultilabelSession`."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from handful.annotation.server.base_app import base_app, guarded
from handful.annotation.server.multilabel_session import MultilabelSession, refuse_column_names
from handful.annotation.server.schemas import EntryChanges, NewClass


def create_multilabel_app(session: MultilabelSession, *, loopback: bool = True) -> ASGIApp:
    """The annotation server for several labels per image as an ASGI application.

    Args:
        session: what is served; the caller closes it.
        loopback: answer only requests that address this machine by a local name.
    """
    app = base_app(session, index="multilabel.html")
    _entry_routes(app, session)
    return guarded(app, session, loopback=loopback)


def _entry_routes(app: FastAPI, session: MultilabelSession) -> None:
    @app.get("/api/state")
    def state() -> dict[str, Any]:
        session.order.extract_features()
        return session.state()

    @app.get("/api/suggestions")
    def suggestions() -> dict[str, Any]:
        return {"classes": session.suggestions(), "features": session.work()["features"]}

    @app.post("/api/entries")
    def entries(changes: EntryChanges) -> dict[str, Any]:
        listed = [(change.key, change.name, change.present) for change in changes.changes]
        return {"images": session.change(listed, seconds=changes.seconds)}

    @app.post("/api/classes")
    def new_class(new: NewClass) -> dict[str, Any]:
        refuse_column_names([new.name], where="the page")
        if new.name not in session.classes:
            session.store.add_class(new.name)
        return {"classes": session.classes}
