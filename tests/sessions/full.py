"""A file system with little room, and how it is filled."""

import os
from pathlib import Path

INODES = 40


def fill_pages(path: Path) -> Path:
    filler = path.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    return filler


def fill_inodes(path: Path) -> list[Path]:
    fillers: list[Path] = []
    while os.statvfs(path.parent).f_favail:
        fillers.append(path.parent / f"filler-{len(fillers)}")
        fillers[-1].touch()
    return fillers
