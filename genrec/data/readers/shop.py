"""Reads the demo shop: a world made from a seed, its items drawn on the spot.

PATH is a seed, or '-' or nothing for the default one. The seed, the domains and the sizes are kept as details, so that
the same world, its oracle included, can be made again from the catalog's manifest by `recreate_shop`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrec.data.readers.reading import Reading, ReadOptions
from genrec.errors import ArtifactError, SourceError
from genrec.runtime import progress
from genrec.schema import Catalog, Interactions, Item
from genrec.shop import ALL_DOMAINS, HELD_OUT_DOMAINS, SEEN_DOMAINS, ShopWorld

_DOMAINS = {"seen": SEEN_DOMAINS, "held-out": HELD_OUT_DOMAINS, "all": ALL_DOMAINS}


def read_shop(path: Path | None, options: ReadOptions) -> Reading:
    """Make a world and draw its items into the media directory. Raises SourceError on a seed or domain it lacks."""
    if options.media_directory is None:
        raise SourceError("the shop draws its pictures and has nowhere to put them; give a media directory")
    sizes = {"num_items": options.num_items, "num_people": options.num_people, "seed": _seed(path, options)}
    world = _create(_domains(options.domains), sizes)
    folder = options.media_directory / "images"
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for item in progress(world.items, label="draw items"):
        picture = folder / f"{item.item_id}.png"
        world.picture(item.item_id).save(picture, compress_level=3)
        items.append(
            Item(
                item_id=item.item_id,
                title=item.title,
                text=item.description,
                attributes=dict(item.attributes),
                image=picture,
            )
        )
    events = list(world.events)
    interactions = Interactions.sort(
        user_ids=[event.user_id for event in events],
        item_ids=[event.item_id for event in events],
        timestamps=[int(event.timestamp) for event in events],
        kinds=[event.kind for event in events],
        weights=[event.weight for event in events],
    )
    details = {
        "seed": world.seed,
        "domains": list(_domains(options.domains)),
        "num_items": len(world.items),
        "num_people": len(world.people),
    }
    return Reading(catalog=Catalog(items=tuple(items)), interactions=interactions, details=details)


def recreate_shop(details: Mapping[str, object]) -> ShopWorld:
    """The world that a shop catalog came from, by the details in its manifest. Raises ArtifactError."""
    sizes = {name: details.get(name) for name in ("seed", "num_items", "num_people")}
    domains = details.get("domains")
    if not isinstance(domains, list) or not all(isinstance(size, int) for size in sizes.values()):
        raise ArtifactError("the catalog's manifest does not describe a shop; ingest the shop source again")
    return _create(tuple(domains), sizes)


def _create(domains: tuple[str, ...], sizes: Mapping[str, Any]) -> ShopWorld:  # Any: int, or None
    return ShopWorld.create(domains=domains, **{name: size for name, size in sizes.items() if size is not None})


def _seed(path: Path | None, options: ReadOptions) -> int | None:
    if path is None or str(path) in ("-", "."):
        return options.seed
    if not str(path).isdecimal():
        raise SourceError(f"shop PATH {str(path)!r} is not a seed; wanted a number such as 7, or - for the default")
    if options.seed is not None and options.seed != int(str(path)):
        raise SourceError(f"the shop has two seeds, PATH {path} and option {options.seed}; give one")
    return int(str(path))


def _domains(name: str | None) -> tuple[str, ...]:
    """The domains of one of the groups, or a comma list of domains."""
    if name is None or name in _DOMAINS:
        return tuple(_DOMAINS[name or "seen"])
    domains = tuple(part.strip() for part in name.split(","))
    unknown = [domain for domain in domains if domain not in ALL_DOMAINS]
    if unknown:
        raise SourceError(
            f"shop domain {unknown[0]!r} is unknown; choose {', '.join(_DOMAINS)}, or some of {', '.join(ALL_DOMAINS)}"
        )
    return domains
