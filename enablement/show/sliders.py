"""Sliders that ask what if: each move answers anew from what was counted once."""

from __future__ import annotations

import math
import os
from typing import Any

import ipywidgets
import pandas as pd

from enablement.plan import whatif
from enablement.plan.whatif import Counted
from enablement.show import tables, theme, words

LABEL = "150px"
WIDTH = "480px"
FIGURE = "80px"  # of what stands beside a slider
ROUND = 2  # digits to which a slider of an amount is rounded where it begins
TALL = 22  # px of the bar
FRAME = "width: max-content; max-width: 100%; overflow-x: auto"
SMALL = "font-size: 12px; line-height: 1.4; margin: 8px 0"
TOGETHER = (
    "By the rates of all together; the worksheet goes rep by rep, so that it asks for a little "
    "more or less."
)


class Still(ipywidgets.VBox):
    """A widget that a report and a stored notebook show as it stands."""

    def told(self) -> dict[str, str]:
        """Write what it shows, as HTML and as text: the same for the same data."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        if os.environ.get(theme.BATCH, "0") not in ("", "0"):
            return self.told()
        return {**super()._repr_mimebundle_(**kwargs), **self.told()}


class Said(Still):
    """A sentence where there are no sliders."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__([ipywidgets.HTML(_sentence(reason))])

    def told(self) -> dict[str, str]:
        """Write the sentence."""
        return {"text/html": _sentence(self.reason), "text/plain": self.reason}


class WhatIf(Still):
    """Sliders of the target, the rates, the deal size and the selling time, and what comes.

    answer : the table of `enablement.what_if` for where they stand
    """

    def __init__(self, counted: Counted) -> None:
        self.counted = counted
        self.target = _amount("Target", counted.target)
        self.size = _amount("Deal size", counted.deal_size)
        self.time = _slider("Selling time", 0, -50, 100, 1, ipywidgets.IntSlider)
        self.rates = [
            _slider(stage, round(float(rate), 2), 0.01, 1.0, 0.01)
            for stage, rate in zip(counted.stages, counted.rates, strict=True)
        ]
        sized = [] if counted.ground.plan.goal.metric == "won count" else [self.size]
        self.sliders = [self.target, *self.rates, *sized, self.time]
        self.today = [slider.value for slider in self.sliders]
        self.back = ipywidgets.Button(description="As today", tooltip="Put every slider back")
        self.figures = [ipywidgets.HTML(layout={"width": FIGURE}) for _ in self.sliders]
        self.page = ipywidgets.HTML(layout={"width": "100%"})
        self.held = False
        self._answer()
        for slider in self.sliders:
            slider.observe(self._moved, names="value")
        self.back.on_click(self._put_back)
        rows = [
            ipywidgets.HBox(beside, layout={"width": WIDTH, "max_width": "100%"})
            for beside in zip(self.sliders, self.figures, strict=True)
        ]
        super().__init__([*rows, self.back, self.page])

    def told(self) -> dict[str, str]:
        """Write the answer for where the sliders stand."""
        shown = tables.what_if(self.answer)
        said = words.what_if(self.answer)
        return {
            "text/html": _sentence(said) + shown._repr_html_() + f"<p>{TOGETHER}</p>",
            "text/plain": f"{said}\n{shown}\n{TOGETHER}",
        }

    def _put_back(self, _: object) -> None:
        self.held = True  # one answer for all of them
        for slider, value in zip(self.sliders, self.today, strict=True):
            slider.value = value
        self.held = False
        self._answer()

    def _moved(self, _: object) -> None:
        if not self.held:
            self._answer()

    def _answer(self) -> None:
        """Compute what comes for where the sliders stand, and show it."""
        rates = {
            stage: rate
            for stage, slider in zip(self.counted.stages, self.rates, strict=True)
            if (rate := self._asked(slider)) is not None
        }
        self.answer = whatif.outcome(
            self.counted,
            target=self._asked(self.target),
            rates=rates,
            deal_size=self._asked(self.size),
            selling_time=self.time.value / 100,
        )
        for slider, figure in zip(self.sliders, self.figures, strict=True):
            figure.value = theme.escaped(self._figure(slider))
        said = _sentence(words.what_if(self.answer), live=True)
        table = tables.what_if(self.answer)._repr_html_()
        # In the class by which Jupyter lays out tables.
        framed = f'<div class="jp-RenderedHTMLCommon" style="{FRAME}">{table}</div>'
        self.page.value = said + _bar(self.answer) + framed + f'<p style="{SMALL}">{TOGETHER}</p>'

    def _figure(self, slider: ipywidgets.FloatSlider) -> str:
        """Write where a slider stands, as the sentence beside it writes its figures."""
        if slider is self.time:
            return f"{slider.value:+d} %".replace("-", "−") if slider.value else "as today"
        if slider in self.rates:
            return words.percent(slider.value)
        return words.figure(slider.value, self.answer)

    def _asked(self, slider: ipywidgets.FloatSlider) -> float | None:
        """Say what a slider asks for; one where it began stands for the figure before rounding."""
        began = dict(zip(map(id, self.sliders), self.today, strict=True)).get(id(slider))
        if began is None or abs(slider.value - began) < slider.step / 2:
            return None
        return slider.value


def _slider(
    name: str,
    value: float,
    least: float,
    most: float,
    step: float,
    kind: type[ipywidgets.FloatSlider] | type[ipywidgets.IntSlider] = ipywidgets.FloatSlider,
) -> ipywidgets.FloatSlider | ipywidgets.IntSlider:
    """Make a slider with a name, for keys and for those who hear it.

    Its own readout has no currency, no blank before a %, and takes a typed 80 % for 80.
    """
    return kind(
        value=value,
        min=least,
        max=most,
        step=step,
        description=name,
        description_allow_html=False,
        tooltip=name,
        readout=False,
        style={"description_width": LABEL},
        layout={"width": "auto", "flex": "1 1 auto", "min_width": "0"},
    )


def _amount(name: str, value: float) -> ipywidgets.FloatSlider:
    """Make a slider of an amount, from half of it to twice as much."""
    step = 10.0 ** (math.floor(math.log10(value)) - ROUND)
    start = round(value / step) * step
    return _slider(name, start, round(start / 2 / step) * step, 2 * start, step)


def _sentence(text: str, *, live: bool = False) -> str:
    """Write a sentence; `live` has it read out again when it changes."""
    role = ' role="status" aria-live="polite"' if live else ""
    return f'<p class="said"{role}>{theme.escaped(text)}</p>'


def _bar(table: pd.DataFrame) -> str:
    """Draw what comes against the target, in the colour of the words around it."""
    attrs = table.attrs
    reach = 1.05 * max(attrs["target"], attrs["high"], attrs["expected"])
    comes, low, high, target = (
        100 * attrs[name] / reach for name in ("expected", "low", "high", "target")
    )
    middle = TALL // 2
    part = "position: absolute; background: currentColor;"
    return (
        f'<div aria-hidden="true" style="position: relative; height: {TALL}px; max-width: 640px; '
        'margin: 6px 0 4px;">'
        f'<div style="{part} left: 0; top: 4px; bottom: 4px; width: {comes:.2f}%; opacity: 0.3;">'
        "</div>"
        f'<div style="{part} left: {low:.2f}%; width: {max(high - low, 0):.2f}%; top: {middle}px; '
        'height: 1.5px;"></div>'
        f'<div style="{part} left: {target:.2f}%; width: 2px; top: 0; bottom: 0;"></div></div>'
        f'<p aria-hidden="true" style="{SMALL}">'
        "The bar: what comes, with its interval; the short line: the target.</p>"
    )
