"""Pictures by the real folders that they lie in, however the paths to these are written."""

import os


class RealFolders:
    """The real paths of folders, through links; each is asked for once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, folder: str) -> str:
        """The real path of ``folder``; itself where no file can be called so."""
        if folder not in self._known:
            try:
                self._known[folder] = os.path.realpath(folder)
            except ValueError:
                self._known[folder] = folder
        return self._known[folder]

    def place(self, path: str | os.PathLike) -> str:
        """``path`` in its real folder; a picture that is a link keeps its name."""
        folder, name = os.path.split(path)
        return os.path.join(self.of(str(folder)), name)

    def below(self, path: str | os.PathLike, folder: str | os.PathLike) -> str:
        """``path`` from ``folder`` on: as it is found below any link to ``folder``."""
        return os.path.relpath(self.place(path), self.of(str(folder)))
