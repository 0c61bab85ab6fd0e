"""plot.py - the drawings of growth: docs/growth-*.svg, made by report.py of the results."""
import math

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 70, 40, 20, 50
COLOURS = ("#1f6feb", "#d1242f")
MIB = 1 << 20

DRAWINGS = (
    ("connections", "cost", "CPU of a message, by connections", "CPU-s per million messages"),
    ("connections", "memory", "Resident memory, by connections", "MiB"),
    ("partitions", "cost", "CPU of a message, by partitions", "CPU-s per million messages"),
    ("identities", "cost", "CPU of a message, by identities", "CPU-s per million messages"),
    ("identities", "memory", "Resident memory, by identities", "MiB"),
)


def value_of(line, what):
    return line["cpu_s_per_million"] if what == "cost" else line["resident"] / MIB


def step_of(top):
    """A round number of which at most six fit below the top."""
    power = 10 ** math.floor(math.log10(top / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 6 >= top)


class Drawing:
    """x by decades, y from nothing."""

    def __init__(self, xs, top):
        self.first, self.last, self.top = math.log10(min(xs)), math.log10(max(xs)), top

    def x(self, value):
        span = self.last - self.first or 1
        return LEFT + (math.log10(value) - self.first) / span * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, anchor="middle", size=12):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}">{words}</text>'


def axes(d, xs, xlabel, ylabel, title):
    parts = [text(WIDTH / 2, 20, title, size=15), text(WIDTH / 2, HEIGHT - 10, xlabel),
             f'<text transform="translate(16 {HEIGHT / 2:.0f}) rotate(-90)" font-size="12" text-anchor="middle">{ylabel}</text>']
    step = step_of(d.top)
    for n in range(int(d.top / step) + 1):
        y = d.y(n * step)
        parts += [f'<line x1="{LEFT}" y1="{y:.0f}" x2="{WIDTH - RIGHT}" y2="{y:.0f}" stroke="#d0d7de"/>',
                  text(LEFT - 6, y + 4, f"{n * step:g}", "end")]
    parts += [text(d.x(x), HEIGHT - BOTTOM + 18, f"{x:,}".replace(",", " ")) for x in xs]
    return parts


def curve(d, points, colour, label, number):
    path = " ".join(f"{d.x(x):.1f},{d.y(y):.1f}" for x, y in points)
    dots = [f'<circle cx="{d.x(x):.1f}" cy="{d.y(y):.1f}" r="3.5" fill="{colour}"><title>{x}: {y:.3g}</title></circle>'
            for x, y in points]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots,
            f'<rect x="{LEFT + 10}" y="{TOP + 18 * number}" width="12" height="4" fill="{colour}"/>',
            text(LEFT + 28, TOP + 6 + 18 * number, label, "start")]


def svg(lines, axis, what, title, ylabel):
    """A drawing of the growth lines of an axis, or None."""
    lines = [line for line in lines if line["axis"] == axis]
    if len({line["x"] for line in lines}) < 2:
        return None
    loops = sorted({line["loops"] for line in lines})
    xs = sorted({line["x"] for line in lines})
    d = Drawing(xs, max(value_of(line, what) for line in lines) * 1.1)
    parts = axes(d, xs, axis, ylabel, title)
    for number, count in enumerate(loops):
        points = sorted((line["x"], value_of(line, what)) for line in lines if line["loops"] == count)
        label = "one loop on a CPU of its own" if count == 1 else f"{count} loops, which share both CPUs with the generator"
        parts += curve(d, points, COLOURS[number], label, number)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")


def draw(lines, folder):
    """Those that there are points for; their names."""
    drawn = []
    for axis, what, title, ylabel in DRAWINGS:
        picture = svg(lines, axis, what, title, ylabel)
        if picture:
            name = f"growth-{axis}-{what}.svg"
            (folder / name).write_text(picture, encoding="utf-8")
            drawn.append((name, title))
    return drawn
