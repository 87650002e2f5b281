"""Section 7, what a stream remembers: keys, and what went with them, in the batches of one direction."""

from dataclasses import dataclass, field
from typing import Hashable

from .wire import LIMITS

OVERHEAD = 8


@dataclass(frozen=True)
class Shape:
    """What a group says of itself besides its values."""

    form: str
    revision: int
    # Of each key, kind and scale.
    keys: list[tuple[int, int]]
    # Of each field column, number, kind, scale, class, and the presence that all rows have, if they have one.
    fields: list[tuple[int, int, int, int, int | None]]


@dataclass
class Remembered:
    """One column: its entries as they lie in a dictionary, and which the key's entries had last."""

    name: Hashable
    is_kept: bool
    entries: list[bytes] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)


class Memory:
    """Of one deflate stream; lives and ends with it."""

    def __init__(self) -> None:
        self.columns: dict[Hashable, Remembered] = {}
        self.left = LIMITS["memoryBytes"]
        self.shapes: list[Shape] = []

    def column(self, name: Hashable, after: Remembered | None = None) -> Remembered:
        """The column of this name, by the key that it follows; one that keeps nothing where there are too many."""
        if after is not None and not after.is_kept:
            return Remembered(name, False)
        name = (name, after.name if after else None)
        if name not in self.columns:
            if len(self.columns) >= LIMITS["memoryColumns"]:
                return Remembered(name, False)
            self.columns[name] = Remembered(name, True)
        return self.columns[name]

    def remember(self, column: Remembered, entries: list[bytes]) -> None:
        for entry in entries if column.is_kept else []:
            cost = len(entry) + OVERHEAD
            if len(column.entries) >= LIMITS["memoryEntries"] or cost > self.left:
                return
            self.left -= cost
            column.entries.append(entry)

    def remember_shape(self, shape: Shape) -> None:
        cost = len(shape.form.encode()) + OVERHEAD * (1 + len(shape.keys) + len(shape.fields))
        if len(self.shapes) < LIMITS["memoryShapes"] and cost <= self.left:
            self.left -= cost
            self.shapes.append(shape)
