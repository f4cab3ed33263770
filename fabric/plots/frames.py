"""Pictures one after the other, with pause and step: HTML that needs no kernel and no file from elsewhere."""

import base64
import hashlib
import io
from collections.abc import Iterable

from matplotlib.figure import Figure

from fabric.plots.looks import INK

_PAGE = """\
<div id="{name}" class="player" style="display: inline-block; text-align: center; font-family: sans-serif; color: {ink};
background: white; padding: 0.4rem">
<div>{pictures}</div>
<button title="first">|◀</button> <button title="back">◀</button> <button title="play or pause">▶</button>
<button title="on">▶|</button> <input type="range" min="0" max="{last}" value="0" style="vertical-align: middle">
<span>1 / {count}</span>
</div>
<script>
(() => {{
  const box = document.getElementById("{name}");
  const pictures = box.querySelectorAll("img"), [first, back, play, on] = box.querySelectorAll("button");
  const slider = box.querySelector("input"), told = box.querySelector("span");
  let shown = 0, timer = null;
  const show = (which) => {{
    pictures[shown].hidden = true;
    shown = (which + pictures.length) % pictures.length;
    pictures[shown].hidden = false;
    slider.value = shown;
    told.textContent = `${{shown + 1}} / ${{pictures.length}}`;
  }};
  const pause = () => {{ clearInterval(timer); timer = null; play.textContent = "▶"; }};
  play.onclick = () => {{
    if (timer) return pause();
    timer = setInterval(() => show(shown + 1), {milliseconds});
    play.textContent = "❚❚";
  }};
  first.onclick = () => {{ pause(); show(0); }};
  back.onclick = () => {{ pause(); show(shown - 1); }};
  on.onclick = () => {{ pause(); show(shown + 1); }};
  slider.oninput = () => {{ pause(); show(Number(slider.value)); }};
}})();
</script>
"""


def player(frames: Iterable[Figure], milliseconds: int = 900) -> str:
    """A player of the frames as HTML.

    Args:
        frames: at least one; of equal size.
        milliseconds: that a frame is shown for, at least 1.

    Raises:
        ValueError: no frame, or no time.
    """
    if milliseconds < 1:
        raise ValueError(f"milliseconds must be at least 1, got {milliseconds}")
    pictures = [_image(frame, hidden=number > 0) for number, frame in enumerate(frames)]
    if not pictures:
        raise ValueError("frames must hold at least one figure, got none")
    name = "player-" + hashlib.sha256("".join(pictures).encode()).hexdigest()[:12]
    return _PAGE.format(
        name=name,
        ink=INK,
        pictures="".join(pictures),
        last=len(pictures) - 1,
        count=len(pictures),
        milliseconds=milliseconds,
    )


def _image(figure: Figure, hidden: bool) -> str:
    svg = io.BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None})
    data = base64.b64encode(svg.getvalue()).decode()
    return f'<img {"hidden " if hidden else ""}src="data:image/svg+xml;base64,{data}">'
