"""What files are called: they are told apart by this before anything that reads them is imported."""

from pathlib import Path

#: What names of picture files end in.
PICTURES = frozenset({
    '.jpg', '.jpeg', '.jpe', '.jfif', '.mpo', '.png', '.webp', '.avif', '.heic', '.heif', '.bmp', '.gif', '.tif',
    '.tiff', '.jp2', '.j2k', '.ppm', '.pgm', '.pbm', '.pnm',
})  # fmt: skip
#: What names of video files end in.
VIDEOS = frozenset({'.mp4', '.avi', '.mkv', '.mov', '.webm', '.mpg', '.mpeg', '.m4v'})


def is_video(path: str | Path) -> bool:
    """Whether ``path`` is named as video files are."""
    return Path(path).suffix.lower() in VIDEOS
