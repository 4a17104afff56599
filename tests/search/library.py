"""A small catalog of books and films in several languages, made by hand, whose answers are known by reading it."""

from genrec.schema import Catalog, Item

BOOKS = Catalog(
    items=(
        Item(item_id="jaws", title="Jaws (1975)", text="A shark hunts swimmers; a submarine is not in it.",
             attributes={"director": ("Steven Spielberg",), "genre": ("Thriller", "Sci-Fi"), "year": 1975.0}),
        Item(item_id="wars", title="Star Wars: Episode IV - A New Hope (1977)", text="Rebels fight an empire.",
             attributes={"director": ("George Lucas",), "genre": ("Sci-Fi",), "year": 1977.0}),
        Item(item_id="trek", title="Star Trek (1979)", text="Explorers meet a cloud.",
             attributes={"director": ("Robert Wise",), "genre": ("Sci-Fi",), "year": 1979.0}),
        Item(item_id="matrix", title="Matrix, The (1999)", text="A hacker wakes up.",
             attributes={"director": ("Lana Wachowski",), "genre": ("Sci-Fi", "Action"), "year": 1999.0}),
        Item(item_id="shining", title="The Shining", text="A hotel in winter, and a writer who goes mad.",
             attributes={"director": ("Stanley Kubrick",), "genre": ("Horror",), "year": 1980.0}),
        Item(item_id="lolita", title="Lolita", text="A professor's obsession.",
             attributes={"director": ("Stanley Kubrick",), "genre": ("Drama",), "year": 1962.0}),
        Item(item_id="seven", title="Seven (Se7en) (1995)", text="Detectives and sins.",
             attributes={"director": ("David Fincher",), "genre": ("Thriller",), "year": 1995.0}),
        Item(item_id="tasche", title="Rote Ledertasche", text="Eine Tasche aus Leder, für jeden Tag.",
             attributes={"Farbe": "rot", "Preis": 49.5, "wasserdicht": True}),
        Item(item_id="taschen", title="Zwei Taschen", text="Blaue Taschen für die Reise.",
             attributes={"Farbe": "blau"}),
        Item(item_id="tokyo", title="東京物語", text="小津安二郎の映画。", attributes={"genre": ("家族",)}),
        Item(item_id="kyoto", title="京都の秋", text="秋の寺。", attributes={"genre": ("旅行",)}),
        Item(item_id="casa", title="La casa de Bernarda", text="Camión y niño en el jardín.", attributes={}),
        Item(item_id="kitab", title="كتاب الحيوان", text="للجاحظ", attributes={}),
    )
)  # fmt: skip


def ids(rows: object) -> list[str]:
    """The ids of rows of these books."""
    return [BOOKS.items[int(row)].item_id for row in rows]  # type: ignore[attr-defined]
