"""Draw the README's picture from the invented company: python docs/picture.py."""

from pathlib import Path

import vl_convert

import enablement as en

HERE = Path(__file__).parent


def main() -> None:
    """Write funnel.svg beside this file."""
    en.charts.enable()
    crm = en.load("data/sample")
    stages = en.conversion(crm, as_of="2026-09-30", definition="decided")
    spec = en.charts.conversion(stages).to_dict()
    (HERE / "funnel.svg").write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")


if __name__ == "__main__":
    main()
