"""Catalogs for the tests of the conversation."""

from genrec.chat.session import Session
from genrec.schema import Catalog, Item
from genrec.shop import ShopWorld

SHOP = ShopWorld.create(seed=7, num_items=320, num_people=40)


def shop_catalog(world: ShopWorld = SHOP) -> Catalog:
    return Catalog(
        items=tuple(
            Item(item_id=i.item_id, title=i.title, text=i.description, attributes=dict(i.attributes))
            for i in world.items
        )
    )


def movie(number: int, title: str, genres: str, year: int, director: str, actors: str, rated: str = "PG") -> Item:
    attributes = {
        "genres": tuple(genres.split("|")),
        "year": float(year),
        "director": (director,),
        "actors": tuple(actors.split("|")),
        "rated": rated,
    }
    return Item(item_id=str(number), title=f"{title} ({year})", attributes=attributes)


MOVIES = Catalog(
    items=(
        movie(1, "Toy Story", "Animation|Children's|Comedy", 1995, "John Lasseter", "Tom Hanks|Tim Allen", "G"),
        movie(2, "Matrix, The", "Action|Sci-Fi|Thriller", 1999, "Lana Wachowski", "Keanu Reeves", "R"),
        movie(3, "Godfather, The", "Action|Crime|Drama", 1972, "Francis Ford Coppola", "Marlon Brando|Al Pacino", "R"),
        movie(4, "Heat", "Action|Crime|Thriller", 1995, "Michael Mann", "Al Pacino|Robert De Niro", "R"),
        movie(5, "Annie Hall", "Comedy|Romance", 1977, "Woody Allen", "Woody Allen|Diane Keaton"),
        movie(6, "Alien", "Action|Horror|Sci-Fi|Thriller", 1979, "Ridley Scott", "Sigourney Weaver", "R"),
        movie(7, "Fargo", "Crime|Drama|Thriller", 1996, "Joel Coen", "Frances McDormand", "R"),
        movie(8, "You've Got Mail", "Comedy|Romance", 1998, "Nora Ephron", "Tom Hanks|Meg Ryan"),
        movie(9, "Shawshank Redemption, The", "Drama", 1994, "Frank Darabont", "Tim Robbins|Morgan Freeman", "R"),
        movie(10, "Star Wars: Episode IV - A New Hope", "Action|Fantasy|Sci-Fi", 1977, "George Lucas", "Mark Hamill"),
        movie(11, "Double Indemnity", "Crime|Film-Noir", 1944, "Billy Wilder", "Fred MacMurray"),
        movie(12, "Bowling for Columbine", "Documentary", 2002, "Michael Moore", "Michael Moore", "R"),
    )
)


def shown_session(catalog: Catalog, first: int = 0) -> Session:
    """A session with four chosen items and five shown ones."""
    ids = [item.item_id for item in catalog]
    session = Session(history=ids[-4:])
    session.show(ids[first : first + 5])
    return session
