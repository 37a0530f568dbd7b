"""Dashboards: a folder of notebooks served as pages, on this machine only, without their code."""

import os
import sys
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
PORT = 8866

# A page that was closed keeps its kernel until nobody has asked for it for ten minutes.
_IDLE_SECONDS = 600
_LOOK_EVERY_SECONDS = 60

# A cell that takes longer is shown as failed, in words. Without a limit a page could wait for ever.
_CELL_SECONDS = 300

# The extensions a page needs: they draw widgets. Others of the environment stay out of it.
_WIDGETS = ("@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager")


def command(
    folder: Path, *, port: int = PORT, open_browser: bool = False
) -> tuple[list[str], dict[str, str]]:
    """Return the command that serves a folder of notebooks as pages.

    Parameters
    ----------
    folder : where the notebooks are
    port : port on this machine; if it is taken, Voila tries the next ones and says so
    open_browser : open the list of pages in the user's browser

    Returns
    -------
    tuple
        The arguments, and the variables to add to the environment.
    """
    options = {
        "Voila.ip": "127.0.0.1",
        "Voila.port": port,
        "Voila.open_browser": open_browser,
        "VoilaConfiguration.template": "enablement",
        "VoilaConfiguration.theme": "light",
        "VoilaConfiguration.allow_template_override": "NO",
        "VoilaConfiguration.allow_theme_override": "NO",
        "VoilaConfiguration.classic_tree": True,
        "VoilaConfiguration.strip_sources": True,
        "VoilaConfiguration.show_tracebacks": False,
        "VoilaConfiguration.file_denylist": ".*",
        "VoilaExecutor.timeout": _CELL_SECONDS,
        "MappingKernelManager.cull_idle_timeout": _IDLE_SECONDS,
        "MappingKernelManager.cull_interval": _LOOK_EVERY_SECONDS,
        "MappingKernelManager.cull_connected": False,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    arguments += [f"--VoilaConfiguration.extension_allowlist={name}" for name in _WIDGETS]
    return [sys.executable, "-m", "voila", *arguments, str(folder)], _environment()


def serve(folder: Path, *, port: int = PORT, open_browser: bool = False) -> None:
    """Serve a folder of notebooks as pages, in place of this process, until it is stopped.

    Parameters
    ----------
    folder : where the notebooks are
    port : port on this machine
    open_browser : open the list of pages in the user's browser
    """
    arguments, variables = command(folder, port=port, open_browser=open_browser)
    os.execve(arguments[0], arguments, {**os.environ, **variables})


def _environment() -> dict[str, str]:
    """Return where Voila finds our template, and nothing else of the environment.

    The folder is laid out as Voila expects of a Jupyter data folder: `voila/templates/NAME`.
    """
    before = os.environ.get("JUPYTER_PATH")
    paths = [str(TEMPLATES), *([before] if before else [])]
    return {"JUPYTER_PATH": os.pathsep.join(paths), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
