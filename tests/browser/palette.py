"""Make a picture small: 256 colours are plenty for a page of text."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_MAGIC = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_WIDTH = 3  # bytes of a pixel


def reduce_colours(png: bytes) -> bytes:
    """Return a picture of red, green and blue in its commonest colours; what is rarer becomes the nearest of them."""
    chunks = list(_chunks(png))
    (width, height, depth, kind) = struct.unpack(">IIBB", chunks[0][1][:10])
    assert (depth, kind) == (8, 2), "pictures of a browser are of red, green and blue"
    rows = _rows(zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT")), width * _WIDTH, height)
    pixels = [[row[at : at + _WIDTH] for at in range(0, len(row), _WIDTH)] for row in rows]
    common = Counter(pixel for row in pixels for pixel in row)
    palette = [colour for colour, _ in common.most_common(_COLOURS)]
    index = {colour: _nearest(colour, palette) for colour in common}
    lines = b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    written = ((b"IHDR", header), (b"PLTE", b"".join(palette)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return _MAGIC + b"".join(_chunk(name, data) for name, data in written)


def _nearest(colour: bytes, palette: list[bytes]) -> int:
    red, green, blue = colour
    return min(
        range(len(palette)),
        key=lambda at: (palette[at][0] - red) ** 2 + (palette[at][1] - green) ** 2 + (palette[at][2] - blue) ** 2,
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_MAGIC)
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def _rows(raw: bytes, width: int, height: int) -> list[bytes]:
    """Undo what each row's filter did to it."""
    rows: list[bytes] = []
    above = bytes(width)
    for number in range(height):
        start = number * (width + 1)
        kind, row = raw[start], bytearray(raw[start + 1 : start + 1 + width])
        for at in range(width) if kind else ():
            left = row[at - _WIDTH] if at >= _WIDTH else 0
            corner = above[at - _WIDTH] if at >= _WIDTH else 0
            row[at] = (row[at] + _predicted(kind, left, above[at], corner)) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
