"""The sequences, dictionaries and text columns of section 7."""

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import accumulate

from .memory import Remembered
from .versions import LIST, TEXT, ascends, content_of, list_bytes
from .wire import LIMITS, WORD, Reader, Writer, malformed, signed, too_much


def read_runs(reader: Reader, count: int, value) -> list:
    """Runs until all are there; `value` reads what a run repeats."""
    out: list = []
    while len(out) < count:
        item = value()
        length = reader.varint() + 1
        if length > count - len(out):
            raise malformed("a run past the end")
        out.extend([item] * length)
    return out


def factor(reader: Reader) -> int:
    value = reader.varint()
    if not 1 <= value <= 1 << 62:
        raise malformed("a factor is 1 to 2^62")
    return value


def read_integers(reader: Reader, count: int, reference: list[int] | None = None) -> list[int]:
    if count == 0:
        return []
    encoding = reader.u8()
    if encoding == 5 and reference is not None:
        return [
            signed(value + base) for value, base in zip(plain_integers(reader, count, reader.u8()), reference)
        ]
    return plain_integers(reader, count, encoding)


def plain_integers(reader: Reader, count: int, encoding: int) -> list[int]:
    match encoding:
        case 0:
            return [reader.zigzag()] * count
        case 1:
            least, step = reader.zigzag(), factor(reader)
            return [signed(least + step * reader.varint()) for _ in range(count)]
        case 2:
            first, step = reader.zigzag(), factor(reader)
            steps = (step * reader.zigzag() for _ in range(count - 1))
            return [signed(value) for value in accumulate(steps, initial=first)]
        case 3:
            added = 0

            def next_run() -> int:
                nonlocal added
                added = signed(added + reader.zigzag())
                return added

            return read_runs(reader, count, next_run)
        case 4:
            least, step, width = reader.zigzag(), factor(reader), reader.u8()
            if not 1 <= width <= 8:
                raise malformed("planes are 1 to 8 bytes wide")
            planes = [reader.take(count) for _ in range(width)]
            return [signed(least + step * int.from_bytes(bytes(parts), "little")) for parts in zip(*planes)]
        case 6:
            least, step = reader.zigzag(), factor(reader)
            return [signed(least + step * number) for number in read_packed(reader, count)]
        case 7:
            first, step, least = reader.zigzag(), factor(reader), reader.zigzag()
            steps = (step * (least + number) for number in read_packed(reader, count - 1))
            return [signed(value) for value in accumulate(steps, initial=first)]
    raise malformed("no such encoding of integers, or nothing to differ from")


def read_packed(reader: Reader, count: int) -> list[int]:
    """Numbers of so many bits each, lowest bit first."""
    width = reader.u8()
    if not 1 <= width <= 56:
        raise malformed("packed numbers have 1 to 56 bits")
    bits = int.from_bytes(reader.take((count * width + 7) // 8), "little")
    if bits >> count * width:
        raise malformed("bits behind the last number")
    return [bits >> place * width & (1 << width) - 1 for place in range(count)]


def write_integers(out: Writer, values: list[int]) -> None:
    if not values:
        return
    if len(set(values)) == 1:
        out.u8(0).zigzag(values[0])
        return
    out.u8(2).zigzag(values[0]).varint(1)
    for before, value in zip(values, values[1:]):
        out.zigzag(signed(value - before))


def read_indexes(reader: Reader, count: int, below: int = WORD) -> list[int]:
    if count == 0:
        return []
    match reader.u8():
        case 0:
            out = [reader.varint()] * count
        case 1:
            out = list(reader.take(count))
        case 2:
            out = read_runs(reader, count, reader.varint)
        case 3:
            out = [low + 256 * high for low, high in zip(reader.take(count), reader.take(count))]
        case 4:
            out = read_packed(reader, count)
        case _:
            raise malformed("no such encoding of indexes")
    if max(out) >= below:
        raise malformed("an index past the end")
    return out


def write_indexes(out: Writer, values: list[int]) -> None:
    if not values:
        return
    if len(set(values)) == 1:
        out.u8(0).varint(values[0])
        return
    out.u8(3).raw(bytes(value & 255 for value in values)).raw(bytes(value >> 8 for value in values))


def read_bytes(reader: Reader, count: int) -> list[int]:
    if count == 0:
        return []
    match reader.u8():
        case 0:
            return [reader.u8()] * count
        case 1:
            return list(reader.take(count))
        case 2:
            return read_runs(reader, count, reader.u8)
    raise malformed("no such encoding of bytes")


def write_bytes(out: Writer, values: list[int]) -> None:
    if not values:
        return
    if len(set(values)) == 1:
        out.u8(0).u8(values[0])
    else:
        out.u8(1).raw(bytes(values))


@dataclass
class Room:
    """What is left, over a whole rows part, for entries that are numbered or copied from keys."""

    left: int = LIMITS["batchTextBytes"]

    def use(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise too_much("too much text in one rows part")


def read_entries(reader: Reader, count: int) -> list[bytes]:
    lengths = read_integers(reader, count)
    if any(length < 0 for length in lengths):
        raise malformed("a negative length")
    if any(length > LIMITS["valueBytes"] for length in lengths):
        raise too_much("an entry above its limit")
    return [reader.take(length) for length in lengths]


def read_dictionary(reader: Reader, most: int, room: Room) -> list[bytes]:
    count = reader.varint()
    if count > most:
        raise malformed("a dictionary of more entries than rows")
    if count == 0:
        return []
    match reader.u8():
        case 0:
            return read_entries(reader, count)
        case 1:
            return read_numbered(reader, count, room)
    raise malformed("no such encoding of a dictionary")


def read_numbered(reader: Reader, count: int, room: Room) -> list[bytes]:
    base, digits = reader.u8(), reader.u8()
    if base not in (10, 16) or not 1 <= digits <= (18 if base == 10 else 15):
        raise malformed("no such base, or no such number of digits")
    prefix = reader.counted(LIMITS["keyBytes"])
    exceptions = reader.varint()
    if exceptions > count:
        raise malformed("more exceptions than entries")
    room.use((count - exceptions) * (len(prefix) + digits))
    places = read_integers(reader, exceptions)
    if not ascends(places) or any(not 0 <= place < count for place in places):
        raise malformed("the places of exceptions ascend, and are there")
    out: list[bytes | None] = [None] * count
    for place, entry in zip(places, read_entries(reader, exceptions)):
        out[place] = entry
    numbers = iter(read_integers(reader, count - exceptions))
    for place in (place for place in range(count) if out[place] is None):
        number = next(numbers)
        if not 0 <= number < base**digits:
            raise malformed("a number of more digits")
        out[place] = prefix + format(number, f"0{digits}{'d' if base == 10 else 'x'}").encode()
    return out


def write_dictionary(out: Writer, entries: list[bytes]) -> None:
    out.varint(len(entries))
    if entries:
        out.u8(0)
        write_integers(out, [len(entry) for entry in entries])
        for entry in entries:
            out.raw(entry)


@dataclass
class Recall:
    """What a stream remembers of a key column that is recalled, and under which numbers."""

    column: Remembered
    numbers: dict[Hashable, int]


@dataclass
class TextColumn:
    """The contents of the rows that have a value, and their entries' numbers, by which others follow: in the
    order of numbers stand the firsts of a column that follows."""

    kind: int
    contents: list
    numbers: list[Hashable]
    recall: Recall | None = None


@dataclass
class Place:
    """Which column of a form: a key's place or a field's number."""

    form: str
    number: int
    is_key: bool


def read_texts(
    reader: Reader, kind: int, rows: list[int], keys: list[TextColumn | None], room: Room, place: Place
) -> TextColumn:
    """`rows` are those of the group that have a value; `keys` the group's key columns that came before."""
    if not rows:
        return TextColumn(kind, [], [])
    encoding = reader.u8()
    if encoding == 3 and reader.memory and place.is_key:
        return read_recalled(reader, kind, len(rows), room, place)
    if encoding == 5 and reader.memory:
        return read_followed(reader, kind, rows, keys, room, place, unchanged=True)
    if encoding == 2 or encoding == 4 and reader.memory:
        return read_followed(reader, kind, rows, keys, room, place if encoding == 4 else None)
    if encoding > 1:
        raise malformed("no such encoding of texts here")
    entries = [content_of(kind, raw) for raw in read_dictionary(reader, len(rows), room)]
    numbers = read_indexes(reader, len(rows), len(entries))
    return TextColumn(kind, [entries[number] for number in numbers], numbers)


def read_recalled(reader: Reader, kind: int, rows: int, room: Room, place: Place) -> TextColumn:
    column = reader.memory.column((place.form, place.number, kind))
    known = len(column.entries)
    own = read_dictionary(reader, rows, room)
    contents = [content_of(kind, raw) for raw in column.entries + own]
    numbers = read_indexes(reader, rows, len(contents))
    used = dict.fromkeys(numbers)
    if any(number not in used for number in range(known, len(contents))):
        raise malformed("an own entry that does not come up")
    room.use(sum(len(column.entries[number]) for number in used if number < known))
    # Those that were known stand in the order in which they come up, before those that are new.
    order = [number for number in used if number < known]
    names = {number: place - len(order) for place, number in enumerate(order)}
    names |= {number: number for number in used if number >= known}
    reader.memory.remember(column, own)
    kept = {name: number for number, name in names.items() if number < len(column.entries)}
    return TextColumn(
        kind,
        [contents[number] for number in numbers],
        [names[number] for number in numbers],
        Recall(column, kept),
    )


def read_followed(
    reader: Reader,
    kind: int,
    rows: list[int],
    keys: list[TextColumn | None],
    room: Room,
    resumed: Place | None,
    unchanged: bool = False,
) -> TextColumn:
    """`resumed` says which column it is that goes on with what the stream remembers."""
    if unchanged:
        recalls = [at for at, known in enumerate(keys) if known is not None and known.recall is not None]
        place, mode = recalls[0] if recalls else len(keys), 0
    else:
        place, mode = reader.u8(), reader.u8()
    copies = mode == 1
    key = keys[place] if place < len(keys) else None
    if key is None or mode > 2:
        raise malformed("no key to follow, or no such mode")
    if copies and not kind == key.kind == TEXT:
        raise malformed("only a text's own text can be copied")
    column = Remembered(None, False)
    recalled: dict[Hashable, int] = {}
    if resumed:
        if key.recall is None:
            raise malformed("the key is not recalled")
        column = reader.memory.column((resumed.number, resumed.is_key, kind), key.recall.column)
        recalled = key.recall.numbers
    own = [] if unchanged else read_dictionary(reader, len(rows), room)
    for raw in own:
        content_of(kind, raw)
    codes = [0] * len(rows) if unchanged else read_indexes(reader, len(rows))
    known = len(column.entries)
    came = list(column.entries)
    last = {name: column.last[number] for name, number in recalled.items() if number in column.last}
    numbers = []
    followed_rows = [key.numbers[row] for row in rows]
    firsts = read_firsts(followed_rows, codes, len(own), last) if mode == 2 else {}
    used = len(firsts)
    for row, followed, code in zip(rows, followed_rows, codes):
        if code == 0 and followed in last:
            number = last[followed]
        elif code == 0 and copies:
            room.use(len(key.contents[row].encode()))
            number = len(came)
            came.append(key.contents[row].encode())
        elif code == 0 and followed in firsts:
            number = len(came)
            came.append(own[firsts[followed]])
        elif code == 1 and used < len(own):
            number = len(came)
            came.append(own[used])
            used += 1
        elif 2 <= code < 2 + len(came):
            number = code - 2
        else:
            raise malformed("a code that names nothing")
        last[followed] = number
        numbers.append(number)
    if used < len(own):
        raise malformed("an own entry that does not come up")
    room.use(sum(len(came[number]) for number in set(numbers) if number < known))
    contents = [content_of(kind, came[number]) for number in numbers]
    if resumed:
        reader.memory.remember(column, came[known:])
        for name, number in recalled.items():
            if name in last and last[name] < len(column.entries):
                column.last[number] = last[name]
            else:
                column.last.pop(number, None)
    return TextColumn(kind, contents, numbers)


def read_firsts(followed: list, codes: list[int], own: int, last: dict) -> dict:
    """Which own entry each key entry begins with whose first row has code 0: they stand in its order."""
    begins: dict = {}
    for number, code in zip(followed, codes):
        begins.setdefault(number, code)
    wanted = sorted(number for number, code in begins.items() if code == 0 and number not in last)
    if len(wanted) > own:
        raise malformed("fewer own entries than keys that begin with one")
    return {number: place for place, number in enumerate(wanted)}


def write_texts(out: Writer, kind: int, contents: list) -> None:
    if not contents:
        return
    entries = list(dict.fromkeys(contents))
    places = {entry: place for place, entry in enumerate(entries)}
    out.u8(0)
    write_dictionary(out, [list_bytes(entry) if kind == LIST else entry.encode() for entry in entries])
    write_indexes(out, [places[content] for content in contents])
