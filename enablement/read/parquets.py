"""Parquet files as text: the types they carry are checked again where columns are typed."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from enablement.errors import ExportError
from enablement.read import headers
from enablement.read.archives import check_size
from enablement.read.contents import Content
from enablement.read.csvs import REPEATED, REPEATS, SAMPLE
from enablement.read.limits import UNCHECKED
from enablement.read.records import Records, settle

TEXTS = (
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
)
PACKED = 4  # bytes of a text, at most, that is packed as the number of one that stood before


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
            headers.check_width(len(file.schema_arrow), content.name)
            repeated = _repeated(file.metadata, file.schema_arrow)
        with pq.ParquetFile(source, read_dictionary=repeated) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise ExportError(f"{content.name} is a damaged Parquet file. Write it again.") from error
    unpacked = sum(map(_repeated_bytes, table.columns))
    check_size(content.name, unpacked, content.path.stat().st_size)
    notes: list[tuple[str, int]] = []
    columns = {}
    names = headers.names(table.column_names, content.name)
    for name, column in zip(names, table.columns, strict=True):
        text = _text(column)
        if text is None:
            coded = pa.types.is_dictionary(column.type)
            kind = column.type.value_type if coded else column.type
            notes.append((f"column {name} holds {kind}, which is not read", len(column)))
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


def _repeated(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """List the columns whose texts are packed so well that they must stand again and again."""
    texts = {field.name for field in schema if any(is_it(field.type) for is_it in TEXTS)}
    sizes: dict[str, int] = {}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            path = column.path_in_schema
            if path in texts:
                sizes[path] = sizes.get(path, 0) + column.total_uncompressed_size
    return [path for path, size in sizes.items() if size < PACKED * metadata.num_rows]


def _repeated_bytes(column: pa.ChunkedArray) -> int:
    """Count the bytes of the texts as often as they stand; a reader of them writes each."""
    if not pa.types.is_dictionary(column.type):
        return 0
    total = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary)
        most = (pc.max(lengths).as_py() or 0) * len(chunk)
        total += most if most <= UNCHECKED else pc.sum(lengths.take(chunk.indices)).as_py() or 0
    return total


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Write a column as text, each text once where many stand again; None where it is none."""
    if pa.types.is_dictionary(column.type):
        few = column
        if pa.types.is_binary(few.type.value_type):
            return None
    elif column.null_count or not _stands_again(column):
        return _every(column)
    else:
        few = column.dictionary_encode()
    if few.null_count or any(chunk.dictionary.null_count for chunk in few.chunks):
        text = _every(few.cast(few.type.value_type))
        return None if text is None else text.cast(REPEATED)
    chunks = []
    for chunk in few.chunks:
        texts = _every(pa.chunked_array([chunk.dictionary]))
        if texts is None:
            return None
        codes = chunk.indices.cast(pa.int32())
        chunks.append(pa.DictionaryArray.from_arrays(codes, texts.combine_chunks()))
    return pa.chunked_array(chunks, REPEATED)


def _stands_again(column: pa.ChunkedArray) -> bool:
    """Say whether numbers or days mostly stand again, judged by the first ones."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_date(kind)):
        return False
    first = column.slice(0, SAMPLE)
    return len(first) == SAMPLE and len(first.unique()) <= REPEATS * SAMPLE


def _every(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Write each value of a column as text; None for lists, records and bytes."""
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return None
    zone = kind.tz if pa.types.is_timestamp(kind) else None
    if zone is not None:  # in UTC, because to write the time of a zone takes Arrow ten times longer
        column = column.cast(pa.timestamp(kind.unit))
    try:
        text = _whole(column).cast(pa.string())
    except pa.ArrowException:
        return None
    if pa.types.is_boolean(kind):
        text = pc.utf8_upper(text)
    elif pa.types.is_floating(kind):
        text = pc.replace_substring_regex(text, r"\.0$", "")
    elif pa.types.is_timestamp(kind) and pc.any(pc.match_substring(text, ".")).as_py():
        text = pc.replace_substring_regex(text, r"\.0+$", "")
    if zone is not None:
        text = pc.binary_join_element_wise(text, "Z", "")
    return pc.fill_null(text, "")


def _whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Leave out fractions where no value of a column has any: to cut them off texts is slow."""
    whole = column.type
    if pa.types.is_floating(column.type):
        whole = pa.int64()
    elif pa.types.is_timestamp(column.type):
        whole = pa.timestamp("s")
    try:
        return column.cast(whole)
    except pa.ArrowInvalid:
        return column
