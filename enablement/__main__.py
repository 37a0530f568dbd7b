"""``python -m enablement``: the command line."""

from enablement.run.cli import app

app(prog_name="enablement")
