"""The REST API of the prediction server: routes over a `Batcher`; images are decoded as handful decodes files."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, HTTPException, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from jaxtyping import UInt8
from numpy import ndarray
from starlette.types import ASGIApp

from handful._version import __version__
from handful.core.asgi import Guard
from handful.core.sockets import LOCAL_NAMES
from handful.data.images import read_bytes
from handful.deployment.server.batching import Batcher
from handful.deployment.server.limits import Limits
from handful.deployment.server.metrics import MEDIA_TYPE, Metrics
from handful.deployment.server.middleware import PredictionPolicy
from handful.deployment.server.page import make_page
from handful.deployment.server.schemas import (
    AnyPrediction,
    AnyPredictionList,
    ErrorResponse,
    Failure,
    Prediction,
    as_response,
    response_types,
)
from handful.errors import DataError
from handful.models.load_onnx import load_onnx
from handful.models.onnx_model import OnnxModel

ENVIRONMENT = "HANDFUL_SERVE"  # environment variable with the settings for worker processes, as JSON
ADDRESSES = "Images go to POST /predict and POST /predict/batch; GET / is a page, GET /openapi.json describes the rest."
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorResponse, "description": "An image cannot be read, or is too large."},
    401: {"model": ErrorResponse, "description": "The token is missing or wrong."},
    408: {"model": ErrorResponse, "description": "Receiving or answering the request took too long."},
    413: {"model": ErrorResponse, "description": "The request is too large."},
    422: {"model": ErrorResponse, "description": "A form field or parameter is missing or invalid."},
    429: {"model": ErrorResponse, "description": "Too many requests are waiting."},
}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": ErrorResponse, "description": "The server is starting, stopping or busy."}
}
Map = Annotated[bool, Query(description="Include the segmentation map, if the model has one.")]


def create_app(model: OnnxModel, *, limits: Limits, token: str | None = None, loopback: bool = True) -> ASGIApp:
    """The prediction server as an ASGI application.

    Args:
        model: the model to serve.
        limits: of requests.
        token: that requests must carry; None: none.
        loopback: answer only requests that address this machine by a local name, so that no web page of another site
            can use the server.
    """
    metrics = Metrics()
    batcher = Batcher(model, limits, metrics)
    state: dict[str, Any] = {"ready": False}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        with ThreadPoolExecutor(limits.decoders, thread_name_prefix="decoder") as state["decoders"]:
            state["ready"] = True
            yield
            state["ready"] = False
            await batcher.close()

    of_one, of_several = response_types(model)
    app = FastAPI(title=f"handful: {model.name}", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)

    def decode(data: bytes, where: str) -> UInt8[ndarray, "3 _ _"]:
        return read_bytes(
            data, where=where, most_pixels=limits.max_pixels, pixel_range=model.pixel_range, finish=model.fitted
        )

    async def predict_file(file: UploadFile, where: str, with_map: bool) -> AnyPrediction:
        data = await file.read()
        await file.close()
        image = await asyncio.get_running_loop().run_in_executor(state["decoders"], decode, data, where)
        response = as_response(model, await batcher.predict(image), with_map=with_map)
        metrics.rejected += isinstance(response, Prediction) and bool(response.rejected)
        return response

    @app.post("/predict", responses=ERRORS, response_model=of_one, response_model_exclude_none=True)
    async def predict(image: Annotated[UploadFile, File()], map: Map = False) -> AnyPrediction:  # noqa: A002
        """Predict one image: PNG, JPEG, TIFF, WebP or another format that handful reads."""
        try:
            return await predict_file(image, "image", map)
        except DataError as error:
            raise HTTPException(400, _describe(error)) from error

    @app.post("/predict/batch", responses=ERRORS, response_model=of_several, response_model_exclude_none=True)
    async def predict_batch(
        images: Annotated[list[UploadFile], File(min_length=1)],
        map: Map = False,  # noqa: A002
    ) -> AnyPredictionList:
        """Predict several images; an image that cannot be read has an error in place of its prediction."""
        if len(images) > limits.batch:
            raise HTTPException(413, f"A request may have at most {limits.batch} images.")

        async def predict_one(number: int, file: UploadFile) -> AnyPrediction | Failure:
            try:
                return await predict_file(file, f"image {number} of {len(images)}", map)
            except DataError as error:
                return Failure(error=_describe(error))

        predictions = await asyncio.gather(*(predict_one(i, file) for i, file in enumerate(images, start=1)))
        return of_several.model_validate({"predictions": predictions})

    @app.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": _describe_request(request.url.path, error)}, 422)

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def elsewhere(request: Request, error: HTTPException) -> JSONResponse:
        what = f"{request.method} {request.url.path} is not answered here" if error.status_code == 405 else "Not found"
        return JSONResponse({"detail": f"{what}. {ADDRESSES}"}, error.status_code, headers=error.headers)

    @app.get("/model")
    async def about() -> dict[str, Any]:
        """The model's classes, outputs and card, and the server's limits."""
        return {
            "name": model.name,
            "classes": model.classes,
            "outputs": model.outputs,
            "size": model.size,
            "coverage": model.coverage,
            "false_rejection": model.false_rejection,
            "card": model.card,
            "limits": vars(limits),
            **({} if model.thresholds is None else {"thresholds": model.thresholds}),
        }

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Liveness: the process responds."""
        return {"status": "ok"}

    @app.get("/ready", responses=NOT_READY)
    async def ready() -> dict[str, str]:
        """Readiness: a prediction would be accepted now."""
        if not state["ready"] or metrics.waiting >= limits.waiting:
            raise HTTPException(503, "not now")
        return {"status": "ready"}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics_text() -> Response:
        """Metrics of the worker process that answers, for Prometheus."""
        return Response(metrics.as_text(os.getpid()), media_type=MEDIA_TYPE)

    page = make_page(model, token_required=token is not None)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def index(_: Request) -> HTMLResponse:
        return HTMLResponse(page.text, headers={"content-security-policy": page.policy})

    hosts = LOCAL_NAMES if loopback else None
    return Guard(app, PredictionPolicy(limits=limits, metrics=metrics, token=token, hosts=hosts))


def _describe(error: DataError) -> str:
    return f"{error.where}: {error.what}"


def _describe_request(path: str, error: RequestValidationError) -> str:
    """What is wrong with the fields of a request, and how images are sent."""
    faults, about_images = [], False
    for fault in error.errors():
        place, *name = (str(part) for part in fault["loc"])
        field = f"the {'form field' if place == 'body' else 'parameter'} {'.'.join(name) or place}"
        missing = fault["type"] == "missing"
        about_images |= place == "body"
        faults.append(f"{field} is missing" if missing else f"{field} is invalid ({fault['msg'].lower()})")
    example = "-F images=@first.jpg -F images=@second.jpg" if path.endswith("/batch") else "-F image=@photo.jpg"
    what = "; ".join(dict.fromkeys(faults))
    if not about_images:
        return f"{what}."
    return f"{what}. Send images as files of a form, such as curl {example} (text/plain and JSON are not read)."


def from_environment() -> ASGIApp:
    """The application that a worker process builds from `ENVIRONMENT`."""
    settings = json.loads(os.environ[ENVIRONMENT])
    model = load_onnx(Path(settings["model"]), threads=settings["threads"])
    limits = Limits(**settings["limits"])
    return create_app(model, limits=limits, token=settings["token"], loopback=settings["loopback"])
