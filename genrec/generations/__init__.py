"""Generations: the parts of a workspace as they belong together, each set whole in a folder of its own.

    DIR/genrec.toml, DIR/labels.toml, DIR/adapters/   what people change; the next generation takes it up
    DIR/current.json                 the number of the current generation, replaced in one step
    DIR/generations/3/               catalog, events, settings, stages and adapters, never changed again
    DIR/generations/4/               a draft: newer than the current one, and waiting for `genrec build` to finish it

Generations share the files that are equal in both by hard links. Whoever reads a generation holds a lease on it and is
never disturbed; whoever writes holds the workspace's lock, makes a new folder aside, and lets the pointer follow last.
A kill at any moment leaves the current generation as it was, and what was being made is taken up or swept by the next
writer. An earlier genrec kept everything in DIR itself: that is read as generation 0.

Knows folders, their inventories, the lock and leases; deliberately knows nothing of what stages hold.
"""

from genrec.generations.generation import (
    HASHED_AT_LOAD_BYTES,
    Fault,
    Generation,
    find_faults,
    refuse_faults,
)
from genrec.generations.layout import (
    ADAPTERS,
    CATALOG,
    CURRENT,
    GENERATIONS,
    HOLDER,
    INTERACTIONS,
    INVENTORY,
    LEASE,
    LOCK,
    OFFERS,
    current_number,
    draft_number,
    is_ingested,
    parts_of,
)
from genrec.generations.writing import (
    WHOLE_ADAPTER,
    begin,
    check_adapter_files,
    checked_base,
    commit,
    link_tree,
    new_folder,
    place_adapter,
    require_no_draft,
    take_up_adapters,
    writing,
)

__all__ = [
    "ADAPTERS",
    "CATALOG",
    "CURRENT",
    "GENERATIONS",
    "HASHED_AT_LOAD_BYTES",
    "HOLDER",
    "INTERACTIONS",
    "INVENTORY",
    "LEASE",
    "LOCK",
    "OFFERS",
    "WHOLE_ADAPTER",
    "Fault",
    "Generation",
    "begin",
    "check_adapter_files",
    "checked_base",
    "commit",
    "current_number",
    "draft_number",
    "find_faults",
    "is_ingested",
    "link_tree",
    "new_folder",
    "parts_of",
    "place_adapter",
    "refuse_faults",
    "require_no_draft",
    "take_up_adapters",
    "writing",
]
