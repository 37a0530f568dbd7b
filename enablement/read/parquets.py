"""Parquet files as text: the types they carry are checked again where columns are typed."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from enablement.errors import ExportError
from enablement.read import headers
from enablement.read.archives import check_size
from enablement.read.contents import Content
from enablement.read.records import Records, settle


def read(content: Content) -> Records:
    """Read a Parquet file, every value as text.

    Raises
    ------
    ExportError
        If it is damaged or larger than the limits.
    """
    source = pa.BufferReader(content.whole()) if content.packed else str(content.path)
    try:
        with pq.ParquetFile(source) as file:
            groups = (file.metadata.row_group(n) for n in range(file.metadata.num_row_groups))
            size = sum(group.total_byte_size for group in groups)
            check_size(content.name, size, content.path.stat().st_size)
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise ExportError(f"{content.name} is a damaged Parquet file. Write it again.") from error
    notes: list[tuple[str, int]] = []
    columns = {}
    names = headers.names(table.column_names, content.name)
    for name, column in zip(names, table.columns, strict=True):
        text = _text(column)
        if text is None:
            notes.append((f"column {name} holds {column.type}, which is not read", len(column)))
        else:
            columns[name] = text
    return settle(
        pa.table(columns),
        [],
        lambda wanted: {row: row + 1 for row in wanted},
        part=content.part,
        read_as=", ".join(filter(None, [content.packed, "Parquet"])),
        notes=notes,
    )


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Write a column as text; None for lists, records and bytes."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.cast(kind.value_type))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return None
    try:
        text = column.cast(pa.string())
    except pa.ArrowException:
        return None
    if pa.types.is_boolean(kind):
        text = pc.utf8_upper(text)
    elif pa.types.is_floating(kind):
        text = pc.replace_substring_regex(text, r"\.0$", "")
    elif pa.types.is_timestamp(kind):
        text = pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1")
    return pc.fill_null(text, "")
