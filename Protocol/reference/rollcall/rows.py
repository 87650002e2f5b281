"""Section 7: versions as columns."""

from dataclasses import replace

from .memory import Shape
from .sequences import (
    Place,
    Room,
    TextColumn,
    read_bytes,
    read_dictionary,
    read_indexes,
    read_integers,
    read_texts,
    write_bytes,
    write_dictionary,
    write_indexes,
    write_integers,
    write_texts,
)
from .versions import (
    AFTER_HOLE,
    AUTHORED_DOT,
    BLANK,
    CLOCK_UNTRUSTED,
    DECIMAL,
    DELETE,
    LIST,
    TEXT,
    Context,
    Dot,
    Value,
    Version,
    ascends,
    checked_context,
)
from .wire import LIMITS, Reader, Writer, checked_time, malformed, too_much, utf8


def read_rows(reader: Reader) -> list[Version]:
    count = reader.varint()
    if count > LIMITS["batchVersions"]:
        raise too_much("too many rows")
    if count == 0:
        return []
    room = Room()
    authored = [checked_time(time) for time in read_integers(reader, count)]
    stated = [checked_time(time) for time in read_integers(reader, count, authored)]
    created = [checked_time(time) for time in read_integers(reader, count, stated)]
    flags = read_bytes(reader, count)
    if any(flag & ~(DELETE | CLOCK_UNTRUSTED | AUTHORED_DOT | AFTER_HOLE) for flag in flags):
        raise malformed("an unknown flag")
    authors = [utf8(entry) for entry in read_dictionary(reader, count, room)]
    if any(len(author.encode()) > LIMITS["authorBytes"] for author in authors):
        raise too_much("an author's name above its limit")
    author = read_indexes(reader, count, len(authors))
    contexts, authored_dots = read_contexts(reader, flags)
    context = read_indexes(reader, count, len(contexts))
    groups = reader.varint()
    if groups > LIMITS["batchGroups"]:
        raise too_much("too many groups")
    if groups == 0:
        raise malformed("no group")
    members = read_indexes(reader, count, groups)
    if len(set(members)) < groups:
        raise malformed("a group without rows")
    versions: list[Version | None] = [None] * count
    cells = 0
    for group in range(groups):
        rows = [row for row, member in enumerate(members) if member == group]
        read, cells = read_group(reader, len(rows), cells, room)
        for row, version in zip(rows, read):
            versions[row] = replace(
                version,
                authored=authored[row],
                stated=stated[row],
                first_created=created[row],
                author=authors[author[row]],
                flags=flags[row],
                authored_dot=authored_dots.get(row),
                context=contexts[context[row]],
            )
    return versions


def read_contexts(reader: Reader, flags: list[int]) -> tuple[list[Context], dict[int, Dot]]:
    """The contexts by number, 0 being the empty one, and the authored dots by row."""
    rewritten = [row for row, flag in enumerate(flags) if flag & AUTHORED_DOT]
    origins = reader.varint()
    if origins > LIMITS["batchContextEntries"] + len(rewritten):
        raise too_much("too many origins")
    if origins * 8 > reader.left:
        raise malformed("more origins than bytes")
    table = [reader.origin() for _ in range(origins)]
    if not ascends(table):
        raise malformed("origins ascend without repeats")
    count = reader.varint()
    if count > LIMITS["batchContexts"]:
        raise too_much("too many contexts")
    if count > len(flags):
        raise malformed("more contexts than rows")
    vectors, dots = read_indexes(reader, count), read_indexes(reader, count)
    if any(length > LIMITS["contextEntries"] for length in vectors):
        raise too_much("a vector above its limit")
    if any(length > LIMITS["contextDots"] for length in dots):
        raise too_much("too many dots in a context")
    if any(a + b == 0 for a, b in zip(vectors, dots)):
        raise malformed("the empty context is number 0")
    entries = sum(vectors) + sum(dots)
    if entries > LIMITS["batchContextEntries"]:
        raise too_much("contexts of too many entries")
    places = read_indexes(reader, entries + len(rewritten), len(table))
    sequences = read_integers(reader, len(places))
    if any(sequence < 1 for sequence in sequences):
        raise malformed("versions are counted from 1")
    if any(sequence > LIMITS["sequence"] for sequence in sequences):
        raise too_much("a sequence above its limit")
    named = [Dot(table[place], sequence) for place, sequence in zip(places, sequences)]
    contexts = [Context()]
    at = 0
    for in_vector, in_dots in zip(vectors, dots):
        middle, end = at + in_vector, at + in_vector + in_dots
        contexts.append(checked_context(named[at:middle], named[middle:end]))
        at = end
    return contexts, dict(zip(rewritten, named[at:]))


def read_group(reader: Reader, rows: int, cells: int, room: Room) -> tuple[list[Version], int]:
    """The form, key and fields of one group's versions, and how many cells the groups have so far."""
    form = reader.text(LIMITS["formNameBytes"])
    shape = None
    if not form:
        number = reader.varint(1 << 32) if reader.memory else 0
        if not reader.memory or number >= len(reader.memory.shapes):
            raise malformed("a group without a form, or of a shape that is not known")
        shape = reader.memory.shapes[number]
        form = shape.form
    revision = shape.revision if shape else reader.varint(1 << 32)
    said = Shape(form, revision, [], [])
    keys: list[tuple[Value, ...]] = [()] * rows
    texts: list[TextColumn | None] = []
    columns = len(shape.keys) if shape else reader.count(LIMITS["groupKeys"])
    cells = checked_cells(cells + rows * columns)
    for at in range(columns):
        kind, scale = shape.keys[at] if shape else read_kind(reader)
        said.keys.append((kind, scale))
        place = Place(form, len(texts), True)
        values, column = read_values(reader, kind, scale, list(range(rows)), texts, room, place)
        texts.append(column)
        keys = [key + (value,) for key, value in zip(keys, values)]
    fields: list[dict[int, tuple[int, Value]]] = [{} for _ in range(rows)]
    columns = len(shape.fields) if shape else reader.count(LIMITS["groupFields"])
    cells = checked_cells(cells + rows * columns)
    before = (0,)
    for at in range(columns):
        if shape:
            number, kind, scale, retention, same = shape.fields[at]
        else:
            number, (kind, scale), retention, same = reader.varint(65536), read_kind(reader), reader.u8(), None
        if number == 0 or retention == 255 or (number, kind, scale, retention) <= before:
            raise malformed("field columns ascend; there is no field 0 and no class 255")
        before = (number, kind, scale, retention)
        presence = read_bytes(reader, rows) if same is None else [same] * rows
        said.fields.append((number, kind, scale, retention, presence[0] if len(set(presence)) == 1 else None))
        if any(how > 2 for how in presence):
            raise malformed("presence is 0 to 2")
        present = [row for row, how in enumerate(presence) if how == 2]
        values = read_values(reader, kind, scale, present, texts, room, Place(form, number, False))[0]
        found = dict(zip(present, values))
        for row, how in enumerate(presence):
            if how and number in fields[row]:
                raise malformed("a field that is assigned twice")
            if how:
                fields[row][number] = (retention, found.get(row, BLANK))
    if reader.memory and not shape and any(text and text.recall for text in texts):
        reader.memory.remember_shape(said)
    return [Version(form, revision, key, 0, 0, 0, assigned) for key, assigned in zip(keys, fields)], cells


def checked_cells(cells: int) -> int:
    if cells > LIMITS["batchCells"]:
        raise too_much("too many cells")
    return cells


def read_kind(reader: Reader) -> tuple[int, int]:
    kind = reader.u8()
    if not 1 <= kind <= 4:
        raise malformed("kinds are 1 to 4")
    scale = reader.u8() if kind == DECIMAL else 0
    if scale > 18:
        raise malformed("a scale above 18")
    return kind, scale


def read_values(
    reader: Reader,
    kind: int,
    scale: int,
    rows: list[int],
    texts: list[TextColumn | None],
    room: Room,
    place: Place,
) -> tuple[list[Value], TextColumn | None]:
    if kind in (TEXT, LIST):
        column = read_texts(reader, kind, rows, texts, room, place)
        return [Value(kind, content) for content in column.contents], column
    return [Value(kind, number, scale) for number in read_integers(reader, len(rows))], None


def write_rows(out: Writer, versions: list[Version]) -> None:
    """Writes with the plainest encodings; nothing signed depends on the choice."""
    out.varint(len(versions))
    if not versions:
        return
    for times in (
        [v.authored for v in versions],
        [v.stated for v in versions],
        [v.first_created for v in versions],
    ):
        write_integers(out, times)
    write_bytes(out, [version.flags for version in versions])
    authors = list(dict.fromkeys(version.author for version in versions))
    write_dictionary(out, [author.encode() for author in authors])
    write_indexes(out, [authors.index(version.author) for version in versions])
    write_contexts(out, versions)
    groups: dict[tuple, list[Version]] = {}
    for version in versions:
        groups.setdefault(group_of(version), []).append(version)
    numbers = {group: number for number, group in enumerate(groups)}
    out.varint(len(groups))
    write_indexes(out, [numbers[group_of(version)] for version in versions])
    for members in groups.values():
        write_group(out, members)


def group_of(version: Version) -> tuple:
    return version.form, version.revision, tuple((value.kind, value.scale) for value in version.key)


def write_contexts(out: Writer, versions: list[Version]) -> None:
    numbers: dict[bytes, int] = {Context().canonical(): 0}
    contexts: list[Context] = []
    for version in versions:
        if version.context.canonical() not in numbers:
            contexts.append(version.context)
            numbers[version.context.canonical()] = len(contexts)
    named: list[Dot] = []
    for context in contexts:
        named += [Dot(*entry) for entry in sorted(context.vector.items())] + sorted(context.dots)
    named += [version.authored_dot for version in versions if version.authored_dot]
    table = sorted({dot.origin for dot in named})
    out.varint(len(table))
    for origin in table:
        out.u64(origin)
    out.varint(len(contexts))
    write_indexes(out, [len(context.vector) for context in contexts])
    write_indexes(out, [len(context.dots) for context in contexts])
    write_indexes(out, [table.index(dot.origin) for dot in named])
    write_integers(out, [dot.sequence for dot in named])
    write_indexes(out, [numbers[version.context.canonical()] for version in versions])


def write_group(out: Writer, versions: list[Version]) -> None:
    first = versions[0]
    out.text(first.form).varint(first.revision).varint(len(first.key))
    for place, value in enumerate(first.key):
        write_column(out, value.kind, value.scale, None, [version.key[place] for version in versions])
    # A blank lies in a column of its field and class; where the field has
    # none with a value, in one of integers.
    columns: dict[tuple, list[Value | None]] = {}
    for row, version in enumerate(versions):
        for number, (retention, value) in version.fields.items():
            column = (number, value.kind or 1, value.scale, retention)
            if column not in columns:
                columns[column] = [None] * len(versions)
            columns[column][row] = value
    out.varint(len(columns))
    for (number, kind, scale, retention), values in sorted(columns.items()):
        out.varint(number)
        write_column(out, kind, scale, retention, values)


def write_column(
    out: Writer, kind: int, scale: int, retention: int | None, values: list[Value | None]
) -> None:
    out.u8(kind)
    if kind == DECIMAL:
        out.u8(scale)
    if retention is not None:
        out.u8(retention)
        write_bytes(out, [0 if value is None else 1 if value == BLANK else 2 for value in values])
    contents = [value.content for value in values if value is not None and value != BLANK]
    if kind in (TEXT, LIST):
        write_texts(out, kind, contents)
    else:
        write_integers(out, contents)
