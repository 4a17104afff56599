"""Generations: the parts of a workspace as they belong together, each set whole in a folder of its own.

    DIR/genrec.toml, DIR/adapters/   what people change; the next generation takes it up
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
    HASHED_AT_LOAD_BYTES as HASHED_AT_LOAD_BYTES,
)
from genrec.generations.generation import (
    Fault as Fault,
)
from genrec.generations.generation import (
    Generation as Generation,
)
from genrec.generations.generation import (
    find_faults as find_faults,
)
from genrec.generations.generation import (
    refuse_faults as refuse_faults,
)
from genrec.generations.layout import (
    ADAPTERS as ADAPTERS,
)
from genrec.generations.layout import (
    CATALOG as CATALOG,
)
from genrec.generations.layout import (
    CURRENT as CURRENT,
)
from genrec.generations.layout import (
    GENERATIONS as GENERATIONS,
)
from genrec.generations.layout import (
    HOLDER as HOLDER,
)
from genrec.generations.layout import (
    INTERACTIONS as INTERACTIONS,
)
from genrec.generations.layout import (
    INVENTORY as INVENTORY,
)
from genrec.generations.layout import (
    LEASE as LEASE,
)
from genrec.generations.layout import (
    LOCK as LOCK,
)
from genrec.generations.layout import (
    current_number as current_number,
)
from genrec.generations.layout import (
    draft_number as draft_number,
)
from genrec.generations.layout import (
    is_ingested as is_ingested,
)
from genrec.generations.layout import (
    parts_of as parts_of,
)
from genrec.generations.writing import (
    begin as begin,
)
from genrec.generations.writing import (
    checked_base as checked_base,
)
from genrec.generations.writing import (
    commit as commit,
)
from genrec.generations.writing import (
    link_tree as link_tree,
)
from genrec.generations.writing import (
    new_folder as new_folder,
)
from genrec.generations.writing import (
    require_no_draft as require_no_draft,
)
from genrec.generations.writing import (
    take_up_adapters as take_up_adapters,
)
from genrec.generations.writing import (
    writing as writing,
)
