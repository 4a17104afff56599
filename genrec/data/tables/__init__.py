"""Tables: any file of rows in, columns out.

`read_table` takes CSV and its kin, JSON in its many layouts, Parquet and Arrow, packed or not. It says in notes what it
found, guessed and left out, and in refused rows what it could not read. What the columns mean is not its matter.
"""

from genrec.data.tables.opening import TABLE_SUFFIXES, is_table_name, require_file, table_suffix
from genrec.data.tables.peeking import Peek, peek_table
from genrec.data.tables.reading import read_table
from genrec.data.tables.table import Column, RefusedRow, Table, stacked

__all__ = [
    "TABLE_SUFFIXES",
    "Column",
    "Peek",
    "RefusedRow",
    "Table",
    "is_table_name",
    "peek_table",
    "read_table",
    "require_file",
    "stacked",
    "table_suffix",
]
