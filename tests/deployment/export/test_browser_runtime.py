import base64
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from handful.deployment.export import browser_runtime
from handful.deployment.export.browser_runtime import NAME, SCRIPT, VERSION, WASM, load_runtime
from handful.errors import HandfulWarning, OutputError

pytest.importorskip("onnxruntime")
FILES = {SCRIPT: b"/*!\n * ONNX Runtime Web v9.9.9\n */", WASM: b"\0asm"}


def archive(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of a registry on this machine, whose one archive is the expected one."""
    folder = tmp_path / "registry"
    path = folder / NAME / "-" / f"{NAME}-{VERSION}.tgz"
    path.parent.mkdir(parents=True)
    evil = {"../evil.txt": b"x", f"package/dist/{SCRIPT}.map": b"x"}
    path.write_bytes(archive({**evil, **{f"package/dist/{name}": data for name, data in FILES.items()}}))
    digest = hashlib.sha512(path.read_bytes()).digest()
    monkeypatch.setattr(browser_runtime, "INTEGRITY", base64.b64encode(digest).decode())
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
        yield path
        server.shutdown()


def test_it_is_fetched_once_and_said_once(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path / "cache"))
    with pytest.warns(HandfulWarning, match=f"fetching {NAME} {VERSION} .33 MB. from 127.0.0.1; cached in "):
        first = load_runtime()
    assert (first.script, first.wasm, first.version) == (FILES[SCRIPT], FILES[WASM], "9.9.9")
    assert "MIT License" in first.license
    assert sorted(p.name for p in tmp_path.rglob("cache/**/*") if p.is_file()) == sorted(FILES)
    assert not list(tmp_path.rglob("evil.txt"))
    registry.unlink()
    assert load_runtime() == first


def test_without_a_cache_it_is_fetched_each_time(registry: Path) -> None:
    for _ in range(2):
        with pytest.warns(HandfulWarning, match="HANDFUL_CACHE is off"):
            assert load_runtime().wasm == FILES[WASM]


@pytest.mark.parametrize("fault", ["other", "longer", "none", "nobody", "address"])
@pytest.mark.filterwarnings("ignore::handful.HandfulWarning")
def test_what_is_not_the_expected_file_is_refused_with_the_remedy(
    fault: str, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDFUL_CACHE", str(tmp_path / "cache"))
    says = "cannot be fetched"
    if fault in ("other", "longer"):
        says = "its SHA-512 differs"
        registry.write_bytes(archive({}) if fault == "other" else registry.read_bytes() + b"x")
    elif fault == "none":
        registry.unlink()
    else:
        monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9" if fault == "nobody" else "file:///etc")
    with pytest.raises(OutputError, match=says) as error:
        load_runtime()
    assert "runtime=FOLDER" in error.value.remedy
    assert not (tmp_path / "cache").exists()


def test_a_folder_of_the_users_is_read_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"{SCRIPT} is missing"):
        load_runtime(tmp_path)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    assert load_runtime(tmp_path).version == "9.9.9"
    (tmp_path / "LICENSE").write_text("a license")
    assert load_runtime(tmp_path).license == "a license"
