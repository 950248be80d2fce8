"""Connection to a Ray cluster (https://docs.ray.io). Its machines need images, models and outputs at the same paths."""

from types import TracebackType
from typing import Any

from handful.errors import ModelError, option


class Cluster:
    """A connection to a cluster, to be used as a context; an existing connection is reused and stays open.

    Args:
        address: of the cluster; "local" starts one on this machine, "auto" finds the one that runs on it.
        workers: maximum number of workers, with a core each; None: as many as the cluster has cores.

    Raises:
        ModelError: Ray is missing, or the cluster cannot be reached.
    """

    def __init__(self, address: str, workers: int | None = None) -> None:
        try:
            import ray
        except ImportError as error:
            raise ModelError(
                "running on a cluster needs Ray", where=option("ray", None), remedy='pip install "handful[ray]".'
            ) from error
        self.ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            extra = {"include_dashboard": False} if address == "local" else {}
            try:
                ray.init(address=address, log_to_driver=False, **extra)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise ModelError(
                    f"no Ray cluster can be reached ({str(error).splitlines()[0]})",
                    where=option("ray", address),
                    remedy=f"start one (ray start --head), give its address, or use {option('ray', 'local')}.",
                ) from error
        self.width = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._ours:
            self.ray.shutdown()
