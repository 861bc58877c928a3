"""Draws lines over sizes as an SVG, both axes logarithmic."""

from collections.abc import Iterator, Mapping
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 820, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 250, 44, 48
# Told apart also by people who see colours differently, and by their dashes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b", "#7a4fbf", "#a0522d")
DASHES = ("", "7 3", "2 3")


def plot(title: str, x_name: str, y_name: str, lines: Mapping[str, Mapping[int, float]]) -> str:
    """Return the SVG. `lines` has the points of each line by its name."""
    xs = [size for points in lines.values() for size in points]
    ys = [value for points in lines.values() for value in points.values()]
    x, y = _Scale(xs, LEFT, WIDTH - RIGHT), _Scale(ys, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" fill="#222">{escape(title)}</text>',
        *_grid(x, y),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle" fill="#222">'
        f"{escape(x_name)}</text>",
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="#222">'
        f"{escape(y_name)}</text>",
    ]
    for number, (name, points) in enumerate(lines.items()):
        parts += _line(number, name, [(x.at(size), y.at(value)) for size, value in sorted(points.items())])
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Maps values to places on an axis, by their logarithm, between whole powers of ten."""

    def __init__(self, values: list[int] | list[float], start: float, end: float) -> None:
        self.low, self.high = floor(log10(min(values))), ceil(log10(max(values)))
        self.high += self.high == self.low
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (log10(value) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def marks(self) -> Iterator[tuple[float, str]]:
        for power in range(self.low, self.high + 1):
            yield self.at(10.0**power), f"{10.0**power:,g}" if power < 0 else f"{10**power:,}"


def _grid(x: _Scale, y: _Scale) -> Iterator[str]:
    for place, text in x.marks:
        yield f'<path d="M{place} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{place}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">{text}</text>'
    for place, text in y.marks:
        yield f'<path d="M{LEFT} {place}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{place + 4}" text-anchor="end" fill="#444">{text}</text>'


def _line(number: int, name: str, places: list[tuple[float, float]]) -> Iterator[str]:
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    style = f'stroke="{colour}" stroke-width="2" fill="none"' + (f' stroke-dasharray="{dash}"' if dash else "")
    yield f'<polyline points="{" ".join(f"{x},{y}" for x, y in places)}" {style}/>'
    for x, y in places:
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    left, top = WIDTH - RIGHT + 20, TOP + 10 + 22 * number
    yield f'<path d="M{left} {top}h28" {style}/>'
    yield f'<text x="{left + 36}" y="{top + 4}" fill="#222">{escape(name)}</text>'
