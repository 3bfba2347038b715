"""A plot of stacked bars, as SVG."""

import html

COLOURS = {
    "queued": "#94a3b8", "submitted": "#64748b", "provider": "#e2e8f0", "told": "#0ea5e9", "download": "#2563eb",
    "plan": "#7c3aed", "media": "#c2410c", "poster": "#f59e0b", "store": "#16a34a", "publish": "#166534",
}  # fmt: skip
LEFT, WIDTH, BAR, GAP = 230, 720, 15, 6


def stacked(bars: list[tuple[str, str, dict[str, float]]], steps: dict[str, str]) -> str:
    """`bars` are group, name, and seconds by step."""
    longest = max(sum(parts.values()) for _, _, parts in bars)
    scale = WIDTH / longest
    shapes: list[str] = []

    def text(x: float, y: float, said: str, more: str = "") -> None:
        shapes.append(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{html.escape(said)}</text>')

    text(10, 20, "From acceptance to the playable video", 'font-size="14" font-weight="bold"')
    x, y = 10.0, 30
    for step, meaning in steps.items():
        # Letters of this size are about this wide.
        wide = 26 + 5.9 * len(f"{step}: {meaning}")
        if x + wide > LEFT + WIDTH + 60:
            x, y = 10.0, y + 16
        shapes.append(f'<rect x="{x:.1f}" y="{y}" width="10" height="10" fill="{COLOURS[step]}"/>')
        text(x + 14, y + 9, f"{step}: {meaning}")
        x += wide
    y += 20
    top, group = y, None
    for name, case, parts in bars:
        if name != group:
            group = name
            y += 20
            text(LEFT - 8, y - 7, name, 'text-anchor="end" font-weight="bold"')
        text(LEFT - 8, y + BAR - 4, case, 'text-anchor="end"')
        x = float(LEFT)
        for step in steps:
            if (width := max(0.0, parts[step]) * scale) > 0.05:
                said = html.escape(f"{step}: {parts[step] * 1_000:.0f} ms")
                shapes.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{width:.2f}" height="{BAR}" fill="{COLOURS[step]}">'
                    f"<title>{said}</title></rect>"
                )
                x += width
        text(x + 5, y + BAR - 4, f"{sum(parts.values()):.2f} s")
        y += BAR + GAP
    tick = next(tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100) if longest / tick <= 10)
    axis = [
        f'<line x1="{LEFT + at * tick * scale:.1f}" x2="{LEFT + at * tick * scale:.1f}" y1="{top}" y2="{y}" stroke="#e5e7eb"/>'
        for at in range(int(longest / tick) + 1)
    ]
    for at in range(int(longest / tick) + 1):
        text(LEFT + at * tick * scale, y + 14, f"{at * tick:g} s", 'text-anchor="middle" fill="#475569"')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 70}" height="{y + 24}"'
        ' font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(axis + shapes)
        + "\n</svg>\n"
    )
