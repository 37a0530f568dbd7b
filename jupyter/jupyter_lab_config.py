"""JupyterLab for `make lab`: the repository's notebooks, and nothing fetched or reported.

Started in the repository's root, so that a notebook's kernel finds the workspace.
"""

import os
from pathlib import Path

from traitlets.config import get_config

c = get_config()
here = Path(__file__).resolve().parent

# A browser finds the server by itself on this machine; nobody else does.
c.ServerApp.ip = "127.0.0.1"
# In a container everybody is root; Jupyter would refuse to start there.
c.ServerApp.allow_root = hasattr(os, "geteuid") and os.geteuid() == 0
c.ServerApp.root_dir = str(here.parent)
c.FileContentsManager.preferred_dir = str(here.parent / "notebooks")

# News, a look for updates and the list of extensions would each ask a server elsewhere.
c.LabApp.news_url = ""
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"

# overrides.json lies beside this file: no notices, and light or dark as the machine is.
c.LabApp.app_settings_dir = str(here)
