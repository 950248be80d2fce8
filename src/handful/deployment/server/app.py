"""The server: thin routes over a batcher. Images are decoded as handful decodes files, within its limits."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import HTMLResponse, PlainTextResponse
from jaxtyping import UInt8
from numpy import ndarray

from handful._version import __version__
from handful.core.sockets import LOCAL_NAMES
from handful.data.images import read_bytes
from handful.deployment.server.batching import Batcher
from handful.deployment.server.limits import Limits
from handful.deployment.server.metrics import MEDIA, Metrics
from handful.deployment.server.middleware import Gate
from handful.deployment.server.page import served_page
from handful.deployment.server.schemas import Failure, Prediction, PredictionList, Refused, prediction
from handful.errors import DataError
from handful.models.onnx_model import OnnxModel, load_onnx

ENVIRONMENT = "HANDFUL_SERVE"  # the settings, as JSON, for worker processes
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refused, "description": "An image cannot be read, or is too large."},
    401: {"model": Refused, "description": "The token is missing or wrong."},
    408: {"model": Refused, "description": "Sending or answering took too long."},
    413: {"model": Refused, "description": "The request is too large."},
    429: {"model": Refused, "description": "Too many requests wait already."},
}
Map = Annotated[bool, Query(description="Also the segmentation map, where the model has one.")]


def create_app(model: OnnxModel, *, limits: Limits, token: str | None = None, loopback: bool = True) -> Any:
    """The server of a model, as an ASGI application.

    Args:
        model: what predicts.
        limits: what is refused.
        token: that requests must carry; None: none.
        loopback: answer only to this machine's own names, so that no web page of another site can ask.
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

    app = FastAPI(title=f"handful: {model.name}", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)

    def decoded(data: bytes, where: str) -> UInt8[ndarray, "3 _ _"]:
        return model.fitted(read_bytes(data, where=where, most_pixels=limits.most_pixels))

    async def predicted(file: UploadFile, where: str, with_map: bool) -> Prediction:
        data = await file.read()
        await file.close()
        image = await asyncio.get_running_loop().run_in_executor(state["decoders"], decoded, data, where)
        found = prediction(model, await batcher.ask(image), with_map=with_map)
        metrics.rejected += bool(found.rejected)
        return found

    @app.post("/predict", responses=REFUSALS, response_model_exclude_none=True)
    async def predict(image: Annotated[UploadFile, File()], map: Map = False) -> Prediction:  # noqa: A002
        """Predict one image: PNG, JPEG, BMP, TIFF or WebP."""
        try:
            return await predicted(image, "image", map)
        except DataError as error:
            raise HTTPException(400, _told(error)) from error

    @app.post("/predict/batch", responses=REFUSALS, response_model_exclude_none=True)
    async def predict_batch(
        images: Annotated[list[UploadFile], File(min_length=1)],
        map: Map = False,  # noqa: A002
    ) -> PredictionList:
        """Predict several images; one that cannot be read has its error in its place."""
        if len(images) > limits.batch:
            raise HTTPException(413, f"A request may have {limits.batch} images.")

        async def one(number: int, file: UploadFile) -> Prediction | Failure:
            try:
                return await predicted(file, f"image {number}", map)
            except DataError as error:
                return Failure(error=_told(error))

        return PredictionList(predictions=list(await asyncio.gather(*(one(i, file) for i, file in enumerate(images)))))

    @app.get("/model")
    async def about() -> dict[str, Any]:
        """The classes, what the model says beside them, and its card."""
        return {"name": model.name, "classes": model.classes, "outputs": model.outputs, "size": model.size,
                "coverage": model.coverage, "false_rejection": model.false_rejection, "card": model.card,
                "limits": vars(limits)}  # fmt: skip

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/ready", responses={503: {"model": Refused, "description": "It starts, stops, or is full."}})
    async def ready() -> dict[str, str]:
        """Whether a prediction would be taken on now."""
        if not state["ready"] or metrics.waiting >= limits.waiting:
            raise HTTPException(503, "not now")
        return {"status": "ready"}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def measured() -> Response:
        """Counts and times for Prometheus, of the worker that answers."""
        return Response(metrics.text(os.getpid()), media_type=MEDIA)

    page = served_page(model, guarded=token is not None)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def index(_: Request) -> HTMLResponse:
        return HTMLResponse(page.text, headers={"content-security-policy": page.policy})

    hosts = LOCAL_NAMES if loopback else None
    return Gate(app, limits=limits, metrics=metrics, token=token, hosts=hosts)


def _told(error: DataError) -> str:
    return f"{error.where}: {error.what}"


def from_environment() -> Any:
    """The application as a worker process builds it."""
    given = json.loads(os.environ[ENVIRONMENT])
    model = load_onnx(Path(given["model"]), threads=given["threads"])
    return create_app(model, limits=Limits(**given["limits"]), token=given["token"], loopback=given["loopback"])
