"""How much of one file is read: generous for exports, and the end for a file made to do harm."""

from __future__ import annotations

MOST_UNPACKED = 2**33
"""Bytes that the contents of one archive or workbook may take, all together: 8 GiB, which is
some eighty million rows of stage events."""

MOST_EXPANSION = 250
"""How many times larger than the file its contents may be, once they exceed `UNCHECKED`.
Exports are 5 to 40 times larger than their archives; files made to fill a disk, a thousand."""

UNCHECKED = 2**28
"""Bytes that may be unpacked whatever the expansion: 256 MiB."""

MOST_MEMBERS = 1_000
"""Files in one archive."""

MOST_COLUMNS = 4_000
"""Columns of one table: several times what a CRM has of fields. Of twice as many none was ever
read: that they do not fit into the memory was only known after a minute."""

MOST_CELLS = 10**8
"""Cells between the first and the last that is filled in a sheet: a million rows by a hundred
columns. A sheet is held in memory whole."""

MOST_BROKEN = 10**6
"""Records of one file with other fields than its header; each is held, to be told."""

LONGEST_FIELD = 2**26
"""Bytes of one field, and of one row: several times so much is held while it is looked at."""

LONGEST_HEADER = 2**24
"""Bytes up to the end of the header, with the lines before it."""

MOST_LINES_BEFORE = 60
"""Records among which the header is looked for; a report may have its title and filters first."""
