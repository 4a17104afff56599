"""The known layouts, one entry each: add a layout here.

A table is written as its columns, as `names.plain` writes them, with | between spellings of one: 'user id, isbn|ean'.
A layout is told by columns that no other has together, and of those that fit the one that tells most counts. Tables
that need more than roles are brought into shape by a function of `shapes_…`. What a layout does not say, `roles` finds.
"""

from dataclasses import replace

from genrec.data.layouts import shapes_feeds as feeds
from genrec.data.layouts import shapes_logs as logs
from genrec.data.layouts import shapes_media as media
from genrec.data.layouts import shapes_recbole as recbole
from genrec.data.layouts import shapes_reviews as reviews
from genrec.data.layouts import shapes_sessions as sessions
from genrec.data.layouts import shapes_shops as shops
from genrec.data.layouts import shapes_woocommerce as woocommerce
from genrec.data.layouts.layout import Layout, Part, Predicate, Shape
from genrec.data.layouts.shapes_reviews import OPINIONS

_OTHER_ID = "another id of the item"


def _part(
    columns: str,
    roles: str = "",
    *,
    shape: Shape | None = None,
    is_like: Predicate | None = None,
    names: str = "",
    opinions: str = "",
    other_ids: str = "",
    no_rating: tuple[float, ...] = (),
    is_split: bool = False,
    items: Shape | None = None,
) -> Part:
    """A table of a layout. roles: 'role: column, column; role: column'; opinions, other_ids: what is left out."""
    found = dict(entry.split(": ") for entry in roles.split("; ") if entry)
    return Part(
        columns=tuple(tuple(name.split("|")) for name in _listed(columns)),
        roles={role: _listed(said) for role, said in found.items()},
        left_out=dict.fromkeys(_listed(opinions), OPINIONS) | dict.fromkeys(_listed(other_ids), _OTHER_ID),
        shape=shape,
        is_like=is_like,
        names=_listed(names),
        no_rating=no_rating,
        is_split=is_split,
        items=items,
    )


def _listed(said: str) -> tuple[str, ...]:
    return tuple(filter(None, said.split(", ")))


_FEED = (
    "item_id: id, item id; title: title; text: description; link: link, url; price: sale price, price; "
    "availability: availability; image: image link, image url, additional image link, additional image urls"
)
_SEQUENCES = _part(
    "user id, item id",
    "user_id: user id; item_id: item id",
    is_like=media.is_sequence_table,
    shape=media.sequence_events,
    items=media.sequence_items,
)
_RATINGS_DAT = "user_id: column 1; item_id: column 2; rating: column 3; timestamp: column 4"
_AMAZON_2023 = _part(
    "parent asin, title, main category|store", "item_id: parent asin; title: title", shape=reviews.amazon_products
)
_AMAZON_2023_EVENTS = _part(
    "user id, parent asin, rating, timestamp",
    "user_id: user id; item_id: parent asin; rating: rating; timestamp: timestamp",
)
_STEAM = _part(
    "id, app name, specs|early access|developer",
    "item_id: id; title: app name; link: url; price: discount price, price",
    shape=reviews.steam_games,
)
_REDIAL = _part(
    "movie mentions, initiator questions, initiator worker id",
    shape=media.redial_conversations,
    no_rating=(2.0,),
    is_split=True,
)
_RETAILROCKET = _part(
    "timestamp, visitorid, event, itemid", "user_id: visitorid; item_id: itemid; kind: event; timestamp: timestamp"
)
_BLOCKS = _part(
    "",
    "user_id: user id; item_id: item id; rating: rating; timestamp: date",
    is_like=sessions.is_rating_blocks,
    is_split=True,
)
_RECBOLE = _part("", is_like=recbole.is_recbole_events, shape=recbole.recbole_names, names=".inter")

LAYOUTS: tuple[Layout, ...] = (
    Layout(
        name="Shopify products",
        items=_part(
            "handle|url handle, title, variant price|variant sku|option1 value",
            "item_id: handle, url handle; title: title; text: body html, description; "
            "image: image src, product image url, variant image, variant image url; "
            "price: variant price, price, variant compare at price, compare at price",
            shape=shops.shopify_products,
        ),
    ),
    Layout(
        name="Shopify products.json",
        items=_part(
            "title, variants, body html|product type|handle|vendor",
            "item_id: id, handle; title: title; text: body html",
            shape=shops.shopify_json,
        ),
    ),
    Layout(
        name="WooCommerce products",
        items=_part("", is_like=woocommerce.is_woocommerce, shape=woocommerce.woocommerce_products),
    ),
    Layout(
        name="Google Merchant feed",
        items=_part(
            "id|g id, title|g title, link|g link, image link|g image link, price|g price",
            _FEED,
            shape=feeds.merchant_feed,
        ),
    ),
    Layout(
        name="Agentic Commerce products",
        items=_part(
            "id|item id, title, link|url, image link|image url, price, "
            "enable search|enable checkout|is eligible search|is eligible checkout|variant dict|seller name|seller url",
            _FEED,
            shape=feeds.agent_feed,
        ),
    ),
    Layout(
        name="Agentic Commerce products", items=_part("id, title, variants, url|media", _FEED, shape=feeds.agent_feed)
    ),
    Layout(
        name="schema.org JSON-LD",
        items=_part(
            "id, type, name, other ids, group",
            "item_id: id; title: name; text: description; image: image; link: url, offer url; price: price; "
            "currency: price currency; availability: availability",
            shape=feeds.schema_products,
        ),
    ),
    Layout(
        name="RecBole atomic files",
        items=_part("", is_like=recbole.is_recbole_items, shape=recbole.recbole_names, names=".item"),
        events=_RECBOLE,
    ),
    Layout(name="RecBole atomic files", events=_RECBOLE),
    Layout(
        name="MMRec folder",
        events=_part(
            "user id, item id, x label",
            "user_id: user id; item_id: item id; rating: rating; timestamp: timestamp; part: x label",
            names=".inter",
        ),
        has_vectors=True,
    ),
    Layout(
        name="H&M",
        items=_part(
            "article id, prod name, detail desc|product type name|colour group name|colour group code",
            "item_id: article id; title: prod name; text: detail desc",
        ),
        events=_part(
            "t dat, customer id|user, article id",
            "user_id: customer id, user; item_id: article id; timestamp: t dat",
            names="transactions",
        ),
        kind="purchase",
    ),
    Layout(
        name="Goodreads",
        items=_part(
            "book id, title, popular shelves",
            "item_id: book id; title: title; text: description; image: image url; link: url, link",
            shape=reviews.goodreads_books,
        ),
        events=_part(
            "user id, book id, is read|date added, rating",
            "user_id: user id; item_id: book id; rating: rating; timestamp: date added",
            shape=reviews.goodreads_interactions,
            no_rating=(0.0,),
            names="interactions",
        ),
    ),
    Layout(
        name="Goodreads library export",
        events=_part(
            "book id, title, my rating, exclusive shelf",
            shape=reviews.goodreads_library,
            items=reviews.goodreads_library_books,
        ),
    ),
    Layout(
        name="goodbooks-10k",
        items=_part(
            "book id, goodreads book id, title, authors",
            "item_id: book id; title: title; image: image url, small image url",
            opinions="average rating, ratings count, work ratings count, work text reviews count, books count, "
            "ratings 1, ratings 2, ratings 3, ratings 4, ratings 5",
            other_ids="id, goodreads book id, best book id, work id, isbn, isbn13, original title",
            names="books",
        ),
        events=_part("user id, book id, rating", "user_id: user id; item_id: book id; rating: rating", names="ratings"),
        kind="rating",
    ),
    Layout(
        name="Book-Crossing",
        items=_part(
            "isbn, book title, book author",
            "item_id: isbn; title: book title; image: image url l, image url m, image url s",
        ),
        events=_part(
            "user id, isbn, book rating", "user_id: user id; item_id: isbn; rating: book rating", no_rating=(0.0,)
        ),
    ),
    Layout(
        name="Yelp",
        items=_part(
            "business id, name, city, stars|review count",
            "item_id: business id; title: name",
            shape=reviews.yelp_businesses,
        ),
        events=_part(
            "review id, user id, business id, stars",
            "user_id: user id; item_id: business id; rating: stars; timestamp: date",
        ),
        kind="review",
    ),
    Layout(name="Amazon Reviews 2023", items=_AMAZON_2023, events=_AMAZON_2023_EVENTS, kind="review"),
    Layout(
        name="Amazon Reviews 2023, given split",
        items=_AMAZON_2023,
        events=replace(_AMAZON_2023_EVENTS, is_like=logs.is_split_part, shape=logs.split_part, is_split=True),
        kind="review",
    ),
    Layout(
        name="Amazon Reviews 2014 or 2018",
        items=_part(
            "asin, title|categories|category|related|sales rank|im url|also buy|image url",
            "item_id: asin; title: title",
            shape=reviews.amazon_products,
            names="meta",
        ),
        events=_part(
            "reviewer id, asin, overall, unix review time",
            "user_id: reviewer id; item_id: asin; rating: overall; timestamp: unix review time",
        ),
        kind="review",
    ),
    Layout(
        name="MovieLens with plots, in sequences",
        items=_part(
            "item id, title, genres, director, actors, plot",
            "item_id: item id; title: title",
            shape=media.movies_with_plots,
        ),
        events=_SEQUENCES,
        needs_events=True,
    ),
    Layout(
        name="MovieLens, in sequences",
        items=_part("movie id|item id, title, genres", "item_id: movie id, item id; title: title", shape=media.movies),
        events=_SEQUENCES,
        needs_events=True,
    ),
    Layout(
        name="item sequences",
        items=_part("asin|item id, title", "item_id: asin, item id; title: title", shape=media.titles_with_groups),
        events=_SEQUENCES,
        needs_events=True,
    ),
    Layout(name="item sequences", events=_SEQUENCES),
    Layout(
        name="MovieLens",
        items=_part("movie id, title, genres", "item_id: movie id; title: title", shape=media.movies, names="movies"),
        events=_part(
            "user id, movie id, rating, timestamp",
            "user_id: user id; item_id: movie id; rating: rating; timestamp: timestamp",
            names="ratings",
        ),
        kind="rating",
    ),
    Layout(
        name="MovieLens .dat files",
        items=_part("", is_like=media.is_movies_dat, shape=media.movies_dat, names="movies"),
        events=_part("", _RATINGS_DAT, is_like=media.is_ratings_dat, names="ratings"),
        kind="rating",
    ),
    Layout(
        name="MovieLens 100K",
        items=_part("", is_like=media.is_movies_100k, shape=media.movies_100k, names="u.item"),
        events=_part("", _RATINGS_DAT, is_like=media.is_ratings_dat, names="u.data"),
        kind="rating",
    ),
    Layout(
        name="ReDial conversations",
        items=_part("movie id, movie name", "item_id: movie id; title: movie name", opinions="nb mentions"),
        events=_REDIAL,
    ),
    Layout(name="ReDial conversations", events=_REDIAL),
    Layout(
        name="ReDial's table of films",
        items=_part("name, genre, plot, director, star", "item_id: id; title: name; text: plot", other_ids="imdb id"),
    ),
    Layout(
        name="Last.fm (HetRec 2011)",
        items=_part(
            "id, name, url, picture url", "item_id: id; title: name; link: url; image: picture url", names="artists"
        ),
        events=_part("user id, artist id, weight", "user_id: user id; item_id: artist id; amount: weight"),
        kind="listen",
    ),
    Layout(
        name="Last.fm scrobbles",
        events=_part(
            "", is_like=sessions.is_scrobbles, shape=sessions.scrobbles, items=sessions.scrobbled_items, is_split=True
        ),
        kind="listen",
    ),
    Layout(
        name="Last.fm 360K",
        events=_part("", is_like=sessions.is_play_counts, shape=sessions.play_counts, items=sessions.played_artists),
        kind="listen",
    ),
    Layout(
        name="Letterboxd export",
        events=_part(
            "date, name, year, letterboxd uri, rating",
            shape=sessions.letterboxd_log,
            items=sessions.letterboxd_films,
            names="ratings",
        ),
    ),
    Layout(
        name="Letterboxd export",
        events=_part(
            "date, name, year, letterboxd uri",
            shape=sessions.letterboxd_log,
            items=sessions.letterboxd_films,
            names="watched",
        ),
    ),
    Layout(
        name="Netflix Prize",
        items=_part("", is_like=sessions.is_prize_titles, shape=sessions.prize_titles, names="titles"),
        events=_BLOCKS,
        kind="rating",
        needs_events=True,
    ),
    Layout(name="Netflix Prize", events=_BLOCKS, kind="rating"),
    Layout(
        name="OTTO sessions",
        events=_part(
            "session, events",
            "user_id: session; item_id: aid, events aid; kind: type, events type; timestamp: ts, events ts",
            is_like=sessions.is_otto,
            shape=sessions.otto_sessions,
        ),
    ),
    Layout(
        name="OTTO sessions",
        events=_part(
            "session, aid, ts, type",
            "user_id: session; item_id: aid; kind: type; timestamp: ts",
            shape=sessions.otto_sessions,
        ),
    ),
    Layout(
        name="YOOCHOOSE",
        events=_part(
            "",
            is_like=sessions.is_yoochoose,
            shape=sessions.yoochoose_log,
            items=sessions.yoochoose_items,
            is_split=True,
        ),
    ),
    Layout(
        name="anime ratings",
        items=_part("anime id, name, genre", "item_id: anime id; title: name", opinions="rating, members"),
        events=_part(
            "user id, anime id, rating", "user_id: user id; item_id: anime id; rating: rating", no_rating=(-1.0,)
        ),
    ),
    Layout(
        name="Steam (UCSD), shelves",
        items=_STEAM,
        events=_part("user id, items, items count", shape=media.steam_shelves),
        kind="play",
    ),
    Layout(
        name="Steam (UCSD), reviews",
        items=_STEAM,
        events=_part("user id, reviews, user url", shape=media.steam_reviews),
        kind="review",
    ),
    Layout(
        name="Steam (UCSD), hours",
        items=_STEAM,
        events=_part(
            "username, product id, hours, page order",
            "user_id: username; item_id: product id; amount: hours; timestamp: date",
        ),
        kind="play",
    ),
    Layout(
        name="Steam (Kaggle recommendations)",
        items=_part(
            "app id, title, date release, positive ratio",
            "item_id: app id; title: title; text: description; price: price final, price original",
            shape=reviews.kaggle_games,
        ),
        events=_part(
            "app id, user id, is recommended, hours",
            "user_id: user id; item_id: app id; rating: is recommended; timestamp: date; amount: hours",
        ),
        kind="review",
    ),
    Layout(
        name="Steam 200k",
        events=_part("", is_like=media.is_steam_200k, shape=media.steam_200k, items=logs.titled_items),
    ),
    Layout(
        name="Spotify playlists",
        events=_part("pid, tracks", "user_id: pid; item_id: track uri", shape=media.spotify_playlists, is_split=True),
    ),
    Layout(
        name="MIND news",
        items=_part("", is_like=media.is_mind_news, shape=media.mind_news),
        events=_part("", is_like=media.is_mind_behaviors, shape=media.mind_behaviors),
        kind="click",
    ),
    Layout(
        name="Kaggle fashion styles",
        items=_part("id, article type, product display name", "item_id: id; title: product display name"),
    ),
    Layout(
        name="Retailrocket",
        items=_part("itemid, property, value", shape=logs.retailrocket_items, names="part1"),
        events=_RETAILROCKET,
    ),
    Layout(name="Retailrocket events", events=_RETAILROCKET),
    Layout(
        name="multi-category store",
        events=_part(
            "event time, event type, product id, user id, user session",
            "user_id: user id; item_id: product id; kind: event type; timestamp: event time",
            items=logs.category_items,
            is_split=True,
        ),
    ),
    Layout(
        name="UCI Online Retail",
        events=_part(
            "invoice no|invoice, stock code, quantity, invoice date, customer id",
            "user_id: customer id; item_id: stock code; timestamp: invoice date; quantity: quantity",
            shape=logs.retail_invoices,
            items=logs.retail_items,
            is_split=True,
        ),
        kind="purchase",
    ),
    Layout(
        name="Instacart",
        items=_part(
            "product id, product name, aisle id",
            "item_id: product id; title: product name",
            shape=logs.instacart_products,
        ),
        events=_part(
            "order id, product id, add to cart order",
            "item_id: product id",
            shape=logs.instacart_orders,
            names="prior",
            is_split=True,
        ),
        kind="purchase",
    ),
    Layout(
        name="KuaiRec",
        items=_part("video id, caption, topic tag", "item_id: video id; title: caption"),
        events=_part(
            "user id, video id, watch ratio, timestamp",
            "user_id: user id; item_id: video id; amount: watch ratio; timestamp: timestamp",
            names="big",
        ),
        kind="watch",
    ),
    Layout(
        name="KuaiRand",
        items=_part("video id, author id, video type", "item_id: video id", names="basic"),
        events=_part(
            "user id, video id, time ms, is click",
            "user_id: user id; item_id: video id; timestamp: time ms",
            shape=logs.kuairand_log,
            names="standard",
            is_split=True,
        ),
    ),
)

_NAMES = tuple(dict.fromkeys(layout.name for layout in LAYOUTS))
MOVIELENS = tuple(name for name in _NAMES if name.startswith(("MovieLens", "item sequences")))
AMAZON = tuple(name for name in _NAMES if name.startswith(("Amazon", "item sequences")))
