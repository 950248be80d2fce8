"""Routes of the annotation server over a `Session`; the middleware requires the token in every path."""

import gzip
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Body, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from handful.annotation.files.events import MAX_SECONDS
from handful.annotation.files.mask_patch import Patch, pack, unpack
from handful.annotation.files.project import ACCEPTED
from handful.annotation.files.store import StaleError
from handful.annotation.server.base_app import base_app, guarded
from handful.annotation.server.schemas import (
    AssistanceRequest,
    LabelChange,
    NewClass,
    PromptsChange,
    Review,
    SkipChange,
    TimeSpent,
)
from handful.annotation.server.session import Session
from handful.annotation.tools import active_learning, interactive
from handful.annotation.tools.prompts import parse_prompts
from handful.core.dataset import Mask, Sample
from handful.errors import DataError, option


def create_app(session: Session, *, loopback: bool = True) -> ASGIApp:
    """The annotation server as an ASGI application.

    Args:
        session: what is served; the caller closes it.
        loopback: answer only requests that address this machine by a local name.
    """
    app = base_app(session, index="index.html")
    _image_routes(app, session)
    _change_routes(app, session)
    _assistance_routes(app, session)
    _training_routes(app, session)

    @app.exception_handler(StaleError)
    def stale(request: Request, error: StaleError) -> JSONResponse:  # noqa: ARG001
        row = session.row(next(s for s in session.project.data.samples if s.id == error.now.id))
        return JSONResponse({"part": error.part, "what": str(error), "now": row}, status_code=409)

    return guarded(app, session, loopback=loopback)


def _image_routes(app: FastAPI, session: Session) -> None:
    @app.get("/api/state")
    def state() -> dict[str, Any]:
        session.refresh()
        return session.state() | {"tools": interactive.available_tools() | {"sam": session.sam is not None}}

    @app.get("/api/images/{key}")
    def image(key: str) -> dict[str, Any]:
        sample = session.sample(key)
        h, w = session.size(sample)
        annotation = session.store[sample.id]
        return session.row(sample) | {"height": h, "width": w, "marks": [p.as_json() for p in annotation.prompts]}

    @app.get("/api/images/{key}/mask")
    def mask(key: str) -> Response:
        sample = session.sample(key)
        stored, annotation = session.store.read(sample.id)
        return _mask_response(
            np.zeros(session.size(sample), bool) if stored is None else stored, annotation.mask_version
        )

    @app.get("/api/images/{key}/proposal")
    def proposal(key: str) -> Response:
        sample = session.sample(key)
        proposed = session.proposed(sample)
        if proposed is None:
            raise DataError("no mask was propagated to this image", where=sample.id, remedy="train first.")
        return _mask_response(proposed, session.proposals.round)

    @app.get("/api/next")
    def next_image(
        order: active_learning.Strategy = "balanced",
        goal: Literal["mask", "label"] = "mask",
        after: str | None = None,
        seed: Annotated[int, Query(ge=0, lt=2**32)] = 0,
    ) -> dict[str, Any]:
        if order in ("balanced", "diverse", "typical"):
            session.order.extract_features()
        key, used = session.next(order, goal, after=after, seed=seed)
        return {"key": key, "order": used, "features": session.work()["features"]}


def _change_routes(app: FastAPI, session: Session) -> None:
    @app.post("/api/images/{key}/stroke")
    def stroke(
        key: str,
        x: int,
        y: int,
        w: int,
        h: int,
        base: Annotated[int, Query(ge=0)],
        change: Annotated[str, Query(min_length=1, max_length=80)],
        bits: Annotated[bytes, Body(media_type="application/octet-stream")],
        source: Annotated[str, Query(min_length=1, max_length=40, pattern="^[a-z-]+$")] = "brush",
        seconds: Annotated[float, Query(ge=0, le=MAX_SECONDS)] = 0.0,
    ) -> dict[str, Any]:
        sample = session.sample(key)
        patch = unpack(bits, (x, y, w, h), size=session.size(sample))
        _save(session, sample, patch, base, change, source, seconds)
        return session.row(sample)

    @app.post("/api/images/{key}/label")
    def label(key: str, change: LabelChange) -> dict[str, Any]:
        sample = session.sample(key)
        if change.label is not None and change.label not in session.classes:
            raise DataError(f"{change.label!r} is not a class", where=sample.id, remedy="add the class first.")
        session.store.set_label(
            sample.id,
            change.label,
            base=change.base,
            key=change.key,
            cannot_tell=change.cannot_tell,
            seconds=change.seconds,
        )
        return session.row(sample)

    @app.post("/api/images/{key}/marks")
    def marks(key: str, change: PromptsChange) -> dict[str, Any]:
        sample = session.sample(key)
        prompts = parse_prompts(change.marks)
        session.store.set_prompts(sample.id, prompts, base=change.base, key=change.key, seconds=change.seconds)
        return session.row(sample)

    @app.post("/api/images/{key}/skip")
    def skip(key: str, change: SkipChange) -> dict[str, Any]:
        sample = session.sample(key)
        session.store.skip(sample.id, skipped=change.skipped, seconds=change.seconds)
        return session.row(sample)

    @app.post("/api/images/{key}/seconds")
    def seconds(key: str, change: TimeSpent) -> dict[str, Any]:
        sample = session.sample(key)
        session.store.spend(sample.id, change.kind, change.seconds)
        return session.row(sample)

    @app.post("/api/images/{key}/review")
    def review(key: str, decision: Review) -> dict[str, Any]:
        sample = session.sample(key)
        if decision.round != session.proposals.round or sample.id not in session.proposals.certainty:
            raise DataError("this mask comes from an earlier training", where=sample.id, remedy="reload the page.")
        proposed = session.proposed(sample)
        if decision.verdict == "accept" and proposed is not None:
            _save(session, sample, Patch(0, 0, proposed), decision.base, decision.key, ACCEPTED, 0.0)
        session.store.review(sample.id, decision.verdict, round_=decision.round, seconds=decision.seconds)
        return session.row(sample)

    @app.post("/api/classes")
    def new_class(new: NewClass) -> dict[str, Any]:
        session.order.add_class(new.name)
        return {"classes": session.classes}


def _assistance_routes(app: FastAPI, session: Session) -> None:
    @app.post("/api/images/{key}/grabcut")
    def grabcut(key: str, requested: AssistanceRequest) -> Response:
        sample = session.sample(key)
        current = session.store.mask(sample.id) if requested.keep else None
        return _mask_response(
            interactive.grabcut(session.pixels(sample), parse_prompts(requested.marks), current=current), 0
        )

    @app.post("/api/images/{key}/random-walker")
    def walker(key: str, requested: AssistanceRequest) -> Response:
        return _mask_response(
            interactive.random_walker(session.pixels(session.sample(key)), parse_prompts(requested.marks)), 0
        )

    @app.post("/api/images/{key}/sam")
    def sam(key: str, requested: AssistanceRequest) -> Response:
        if session.sam is None:
            raise DataError(
                "no SAM-type model is loaded", where="the page", remedy=f"start it with {option('sam', 'MODEL')}."
            )
        return _mask_response(
            session.sam.mask(session.pixels(session.sample(key)), parse_prompts(requested.marks), key=key), 0
        )

    @app.get("/api/images/{key}/superpixels")
    def superpixels(key: str, count: Annotated[int, Query(ge=10, le=5000)] = 400) -> Response:
        labels = interactive.superpixels(session.pixels(session.sample(key)), count=count)
        h, w = labels.shape
        content = gzip.compress(labels.astype("<u2").tobytes(), 1)
        headers = {"Content-Encoding": "gzip", "X-Height": str(h), "X-Width": str(w)}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _training_routes(app: FastAPI, session: Session) -> None:
    @app.get("/api/work")
    def work() -> dict[str, Any]:
        session.refresh()
        return session.work() | {"round": session.proposals.round, "trainings": session.store.record.trainings}

    @app.post("/api/train")
    def train() -> dict[str, Any]:
        session.train()
        return session.work()

    @app.post("/api/match")
    def match() -> dict[str, Any]:
        session.match()
        return session.work()

    @app.post("/api/salient")
    def salient() -> dict[str, Any]:
        session.propose_salient()
        return session.work()

    @app.post("/api/match/prepare")
    def prepare_matching() -> dict[str, Any]:
        session.matching.start()
        return session.work()

    @app.post("/api/match/drawn")
    def match_drawn(image: str | None = None) -> dict[str, Any]:
        session.match_drawn(None if image is None else session.sample(image).id)
        return session.work()

    @app.post("/api/stop")
    def stop() -> dict[str, Any]:
        if session.training is not None:
            session.training.stop()
        return session.work()


def _save(session: Session, sample: Sample, patch: Patch, base: int, key: str, source: str, seconds: float) -> None:
    session.store.stroke(
        sample.id, patch, size=session.size(sample), base=base, key=key, source=source, seconds=seconds
    )


def _mask_response(mask: Mask, version: int) -> Response:
    h, w = mask.shape
    headers = {"Content-Encoding": "gzip", "X-Version": str(version), "X-Height": str(h), "X-Width": str(w)}
    return Response(gzip.compress(pack(mask), 1), media_type="application/octet-stream", headers=headers)
