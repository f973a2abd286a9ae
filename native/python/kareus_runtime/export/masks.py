"""What stored squares show as attention masks, noted where their elements are left out of a file.

kareus reads the same off elements that it finds (src/onnx/bands.ts).
"""

from __future__ import annotations

import torch
from torch import Tensor

#: The key of the note in a tensor's metadata.
KEY = "kareus.band"

#: Addends that are no higher hide, whatever the bias of those that show.
LOW = -1e4

#: Larger numbers are no positions.
MOST = 2**31


def note_of(tensor: Tensor) -> str | None:
    """How many places each row of its squares shows before and after the diagonal, as kareus reads notes.

    Squares that hide nothing but grow evenly from the diagonal (differences of positions) have three more
    numbers: the one on the diagonal, and by how much they grow before it and after it. Those that hide
    some of what comes before as well have a 1. An empty note: other places show. Of rows of another length it
    is noted whether they show all. None: it holds no rows.
    """
    if tensor.ndim < 2 or min(tensor.shape[-2:]) < 2:
        return None
    rows, columns = tensor.shape[-2:]
    squares = tensor.detach().reshape(-1, rows, columns)
    most = columns - 1
    shows = _shown(squares)
    if rows != columns:
        return f"{most} {most}" if shows is None or bool(shows.all()) else ""
    if shows is None:
        return " ".join(map(str, (most, most, *_slopes(squares))))
    if not bool(shows[0, 0, 0]):
        return ""
    behind, ahead = (int(side.nonzero().max()) for side in (shows[0, :, 0], shows[0, 0]))
    band = torch.ones_like(shows[0]).tril(ahead).triu(-behind)
    if not all(torch.equal(square, band) for square in shows):
        return f"{most} 0 1" if _hides_later(shows) else ""
    return f"{behind} {ahead}" if behind + ahead > 0 else f"{most} {most}"


def _hides_later(shows: Tensor) -> bool:
    """Whether every row shows its own place and none behind it."""
    own = shows.diagonal(dim1=-2, dim2=-1)
    return bool(own.all()) and not bool(shows.triu(1).any())


def _shown(squares: Tensor) -> Tensor | None:
    """Of two numbers the first shows; of more, all but very low ones. None: no number hides."""
    shown = squares[0, 0, 0]
    others = squares[squares != shown]
    if others.numel() == 0:
        return None
    if bool((others == others[0]).all()):
        return squares == shown
    if not squares.is_floating_point():
        return None
    low = torch.tensor(LOW, dtype=squares.dtype, device=squares.device)
    return squares > low if bool((squares <= low).any()) else None


def _slopes(squares: Tensor) -> tuple[int, ...]:
    if squares.dtype not in (torch.int32, torch.int64, torch.float32, torch.float64):
        return ()
    first = [float(squares[0, row, column]) for row, column in ((0, 0), (1, 0), (0, 1))]
    if not all(number.is_integer() and abs(number) < MOST for number in first):
        return ()
    diagonal, before, after = int(first[0]), int(first[1] - first[0]), int(first[2] - first[0])
    if before == after == 0:
        return ()
    place = torch.arange(squares.shape[-1], device=squares.device)
    for row in range(squares.shape[-1]):
        apart = row - place
        expected = diagonal + torch.where(apart > 0, apart * before, apart * -after)
        if not bool((squares[:, row] == expected).all()) or bool((expected.abs() >= MOST).any()):
            return ()
    return diagonal, before, after
