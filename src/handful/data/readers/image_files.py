"""Images without labels, from files, patterns and folders."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from glob import glob
from pathlib import Path

from handful.core.dataset import Dataset, Sample
from handful.core.left_out import LeftOut
from handful.data.formats import identify
from handful.data.masks.beside import UNUSED, separate_masks
from handful.data.readers.folder import read_any_folder
from handful.data.sources import is_pattern, refuse_missing
from handful.errors import DataError


def read_image_files(sources: Sequence[str]) -> Dataset:
    """The images at some paths, in their order and each once, without labels; ids are the paths as they are given.

    Args:
        sources: image files, folders, and patterns such as photos/*.jpg. A file that is named is in the data whatever
            it holds, but for the mask of another one; a pattern and a folder stand for their images.

    Raises:
        DataError: a path does not exist, or there are no images.
    """
    samples: dict[str, Sample] = {}
    left_out: list[LeftOut] = []
    for source in sources:
        for path in _matches(source):
            if path.is_dir():
                data = read_any_folder(path)
                samples |= {f"{path.as_posix()}/{s.id}": s for s in data.samples}
                left_out += data.left_out
                continue
            kind = identify(path) if is_pattern(source) else None
            if kind is not None and not kind.readable:
                left_out.append(LeftOut(f"{kind.kind} files", (path.as_posix(),), kind.remedy))
            elif kind is not None or not is_pattern(source):
                samples[path.as_posix()] = Sample(path.as_posix(), path)
    if not samples:
        raise DataError("no images found", where=", ".join(sources), remedy="check the path.")
    unlabelled = (replace(s, id=name, label=None, split=None) for name, s in samples.items())
    return separate_masks(Dataset(tuple(unlabelled), (), tuple(left_out)), unused=UNUSED)


def _matches(source: str) -> Iterator[Path]:
    if is_pattern(source):
        names = sorted(glob(source, recursive=True))  # noqa: PTH207  as a shell expands it
        if not names:
            raise DataError("no files match this pattern", where=source, remedy="check the pattern.")
        yield from map(Path, names)
    else:
        refuse_missing(source, to_predict=True)
        yield Path(source)
