"""What every annotation server has: the files of its page, the pictures, refusals in words, and the secret address."""

from importlib import resources
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from handful.annotation.server import thumbnails
from handful.annotation.server.middleware import AnnotationPolicy
from handful.annotation.server.session import Session
from handful.core.asgi import Guard
from handful.core.sockets import LOCAL_NAMES
from handful.errors import HandfulError

PAGE = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def base_app(session: Session, *, index: str) -> FastAPI:
    """An application with the page, the images and small ones of them; errors of handful and the disk are words.

    Args:
        session: whose images they are.
        index: the file of the page that the address itself shows.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _page_routes(app, index)
    _picture_routes(app, session)
    _refusals(app)
    return app


def guarded(app: FastAPI, session: Session, *, loopback: bool) -> ASGIApp:
    """The application behind the secret of its session."""
    return Guard(app, AnnotationPolicy(token=session.settings.token, hosts=LOCAL_NAMES if loopback else None))


def _page_routes(app: FastAPI, index: str) -> None:
    folder = resources.files("handful.annotation").joinpath("page")
    files = {f.name: f.read_bytes() for f in folder.iterdir() if f.name[f.name.rfind(".") :] in PAGE}

    @app.get("/")
    def first() -> Response:
        return Response(files[index], media_type="text/html")

    @app.get("/page/{name}")
    def part(name: str) -> Response:
        if name not in files:
            return Response("No such file.", status_code=404, media_type="text/plain")
        return Response(files[name], media_type=PAGE[name[name.rfind(".") :]])


def _picture_routes(app: FastAPI, session: Session) -> None:
    @app.get("/api/images/{key}/picture")
    def picture(key: str) -> Response:
        content, kind = thumbnails.for_browser(session.path(session.sample(key)))
        return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=600"})

    @app.get("/api/images/{key}/thumb")
    def thumb(
        key: str, side: Annotated[int, Query(ge=16, le=640)] = 192, show: Literal["none", "mask", "proposal"] = "none"
    ) -> Response:
        sample = session.sample(key)
        mask = None
        if show == "mask":
            mask = session.store.mask(sample.id)
        elif show == "proposal":
            mask = session.proposals.preview(sample.id, session.size(sample))
        return Response(thumbnails.thumbnail(session.path(sample), mask, side), media_type="image/jpeg")


def _refusals(app: FastAPI) -> None:
    @app.exception_handler(HandfulError)
    def refuse(request: Request, error: HandfulError) -> JSONResponse:  # noqa: ARG001
        message = {"what": error.what, "where": str(error.where or ""), "remedy": error.remedy}
        return JSONResponse(message, status_code=400)

    @app.exception_handler(OSError)
    def not_written(request: Request, error: OSError) -> JSONResponse:  # noqa: ARG001
        message = {
            "what": error.strerror or str(error),
            "where": str(error.filename or ""),
            "remedy": "Free some disk space; nothing was saved.",
        }
        return JSONResponse(message, status_code=507)
