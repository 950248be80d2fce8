"""The browser runtime of exported pages: onnxruntime-web (MIT), fetched from npm once and cached.

No Python package carries it. The archive is of one pinned version and is refused unless its SHA-512 is the one below;
of it only two files are read, by name.
"""

import base64
import hashlib
import io
import os
import re
import tarfile
import urllib.request
import warnings
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import wrap_file

from handful.core.files import replace_folder
from handful.errors import HandfulWarning, OutputError, option
from handful.models.feature_store import cache_folder

NAME, VERSION = "onnxruntime-web", "1.30.0"
SIZE = 33_106_585  # bytes of the archive
INTEGRITY = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # SHA-512
REGISTRY = "https://registry.npmjs.org"  # of npm, where its environment variable names no other
VARIABLES = ("npm_config_registry", "NPM_CONFIG_REGISTRY")
SCRIPT, WASM, LICENSE = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm", "LICENSE"
PATIENCE = 20.0  # seconds without a byte


@dataclass(frozen=True)
class BrowserRuntime:
    """The script and the WebAssembly module of onnxruntime-web, and the text of its license."""

    script: bytes
    wasm: bytes
    license: str

    @property
    def version(self) -> str:
        """The version that the script states; "" without one."""
        match = re.search(rb"ONNX Runtime Web v([\d.]+)", self.script[:400])
        return match[1].decode() if match else ""


def load_runtime(folder: str | Path | None = None) -> BrowserRuntime:
    """The browser runtime.

    Args:
        folder: with the files `SCRIPT` and `WASM`; None: the cached copy, which is fetched if there is none.

    Raises:
        OutputError: a file is missing; or the runtime cannot be fetched, or is not the expected one.
    """
    if folder is not None:
        return _read(Path(folder))
    home = cache_folder()
    cached = None if home is None else home / f"{NAME}-{VERSION}"
    if cached is not None and all((cached / name).is_file() for name in (SCRIPT, WASM)):
        return _read(cached)
    script, wasm = _unpack(_fetch(cached))
    if cached is not None:
        with suppress(OSError), replace_folder(cached) as draft:
            (draft / SCRIPT).write_bytes(script)
            (draft / WASM).write_bytes(wasm)
    return BrowserRuntime(script, wasm, _license(None))


def _read(folder: Path) -> BrowserRuntime:
    missing = [name for name in (SCRIPT, WASM) if not (folder / name).is_file()]
    if missing:
        raise OutputError(
            f"the page needs {NAME}, but {missing[0]} is missing",
            where=folder,
            remedy=f"name a folder with {SCRIPT} and {WASM}, or leave {option('runtime', None)} out to fetch them.",
        )
    return BrowserRuntime((folder / SCRIPT).read_bytes(), (folder / WASM).read_bytes(), _license(folder))


def _license(folder: Path | None) -> str:
    """The license in the folder, or that of the installed onnxruntime, which is of the same project."""
    spec = find_spec("onnxruntime")
    folders = [folder, *(map(Path, spec.submodule_search_locations or ()) if spec is not None else ())]
    texts = [f / LICENSE for f in folders if f is not None and (f / LICENSE).is_file()]
    return texts[0].read_text(encoding="utf-8") if texts else "MIT"


def _fetch(cached: Path | None) -> bytes:
    """The archive, whose hash was checked."""
    registry = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), REGISTRY).rstrip("/")
    host = urlsplit(registry).hostname
    place = "HANDFUL_CACHE is off, so this happens at each export" if cached is None else f"cached in {cached}"
    warnings.warn(f"fetching {NAME} {VERSION} ({SIZE / 1e6:.0f} MB) from {host}; {place}", HandfulWarning, stacklevel=4)
    try:
        archive = _download(f"{registry}/{NAME}/-/{NAME}-{VERSION}.tgz")
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise _unavailable(f"cannot be fetched: {getattr(reason, 'strerror', None) or reason}", host) from error
    if base64.b64encode(hashlib.sha512(archive).digest()).decode() != INTEGRITY:
        raise _unavailable("is not the expected file: its SHA-512 differs", host)
    return archive


def _download(url: str) -> bytes:
    """The content at an address; of a longer one than `SIZE`, somewhat more than that.

    Raises:
        OSError, HTTPException, ValueError: there is no such file, no answer, or no such address.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("the registry's address does not begin with https://")
    console = Console(stderr=True)
    content = bytearray()
    with (
        urllib.request.urlopen(url, timeout=PATIENCE) as response,
        wrap_file(
            response, SIZE, description=NAME, console=console, transient=True, disable=not console.is_terminal
        ) as reader,
    ):
        while len(content) <= SIZE and (chunk := reader.read(2**18)):
            content += chunk
    return bytes(content)


def _unavailable(what: str, host: str | None) -> OutputError:
    return OutputError(
        f"{NAME} {VERSION}, which the page needs, {what}",
        where=host,
        remedy=f"connect to the network once; or name a folder with {SCRIPT} and {WASM} of the npm package {NAME}: "
        f"{option('runtime', 'FOLDER')}.",
    )


def _unpack(archive: bytes) -> tuple[bytes, bytes]:
    """The two files; nothing else of the archive is read, and no path in it is used."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        files = [tar.extractfile(f"package/dist/{name}") for name in (SCRIPT, WASM)]
        script, wasm = (file.read() if file is not None else b"" for file in files)
    return script, wasm
