"""The field's data sets: reviews, films, music, games, logs."""

# ruff: noqa: E501 - rows of tables, as they are written

from collections.abc import Callable

import numpy as np
import pytest

from genrec.data.layouts.shapes_reviews import brand_of


def test_recbole_files_are_read_by_their_types(found_in: Callable) -> None:
    found = found_in(
        {
            "t.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu1\ti1\t4\t881250949\nu1\ti2\t2\t881250950\n",
            "t.item": "item_id:token\tmovie_title:token_seq\tgenre:token_seq\tyear:float\ni1\tToy Story\tAnimation Comedy\t1995\ni2\tHeat\tCrime\t1995\n",
            "t.user": "user_id:token\tage:float\nu1\t30\n",
            "t.kg": "head_id:token\trelation_id:token\ttail_id:token\na\tb\tc\n",
        }
    )
    assert found.layout == "RecBole atomic files"
    assert (found.source.items.name, [f.name for f in found.source.events]) == ("t.item", ["t.inter"])
    assert found.item() == {
        "item_id": "i1",
        "movie_title": "Toy Story",
        "genre": ["Animation", "Comedy"],
        "year": "1995",
    }
    assert list(found.events.table.columns) == ["user_id", "item_id", "rating", "timestamp"]
    assert {file.name for file in found.source.unused} == {"t.user", "t.kg"}


def test_recbole_events_come_alone_too(found_in: Callable) -> None:
    found = found_in({"t.inter": "user_id:token\tartist_id:token\tweight:float\nu1\ta1\t4\n"})
    assert found.layout == "RecBole atomic files"
    assert found.items is None


def test_mmrecs_split_and_arrays_are_found(found_in: Callable) -> None:
    found = found_in(
        {
            "baby.inter": "userID\titemID\trating\ttimestamp\tx_label\n0\t0\t5.0\t1400000000\t0\n0\t1\t4.0\t1400000001\t1\n1\t0\t3.0\t1400000002\t2\n",
            "i_id_mapping.csv": "asin\titemID\nB1\t0\nB2\t1\n",
            "baby_text.tsv": "artistID\ttext\n1\tgothic rock\n2\tambient\n",
        }
    )
    assert found.layout == "MMRec folder"
    assert found.source.layout.has_vectors
    assert found.event_cells("user_id", "item_id", "part") == [("0", "0", "0"), ("0", "1", "1"), ("1", "0", "2")]
    assert found.source.items is None  # numbers of rows are no titles


def test_hm_is_told_from_its_columns(found_in: Callable) -> None:
    found = found_in(
        {
            "a.csv": "article_id,product_code,prod_name,product_type_name,detail_desc\n0108775015,0108775,Strap top,Vest top,Narrow straps\n",
            "t.csv": "t_dat,customer_id,article_id,price,sales_channel_id\n2018-09-20,c1,0108775015,0.05,2\n",
            "c.csv": "customer_id,FN,age\nc1,,24\n",
        }
    )
    assert (found.layout, found.source.layout.kind) == ("H&M", "purchase")
    assert found.item_cells("item_id", "title", "text") == [("0108775015", "Strap top", "Narrow straps")]
    assert found.event_cells("user_id", "item_id", "timestamp") == [("c1", "0108775015", "2018-09-20")]
    assert [file.name for file in found.source.unused] == ["c.csv"]


BOOK = {
    "book_id": "99", "title": "Dune (Dune, #1)", "description": "Sand", "authors": [{"author_id": "7", "role": ""}], "average_rating": "4.2",
    "ratings_count": "10", "similar_books": ["1"], "image_url": "https://g/1.jpg", "url": "https://g/99", "publication_year": "1965",
    "popular_shelves": [{"count": "9", "name": "to-read"}, {"count": "5", "name": "science-fiction"}], "num_pages": "600", "isbn": "0441013597",
}  # fmt: skip


def test_goodreads_books_have_shelves_and_events_their_own_numbers_mapped(found_in: Callable) -> None:
    found = found_in(
        {
            "goodreads_books.jsonl": [BOOK],
            "goodreads_interactions.csv": "user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n0,948,0,0,0\n",
            "book_id_map.csv": "book_id_csv,book_id\n948,99\n",
            "goodreads_book_authors.jsonl": [{"author_id": "7", "name": "F. Herbert", "average_rating": "4.1"}],
        }
    )
    assert found.layout == "Goodreads"
    row = found.item()
    assert row["shelves"] == ["science-fiction"]
    assert row["authors"] == ["F. Herbert"]
    assert found.event_cells("user_id", "item_id", "rating", "kind") == [
        ("0", "99", "5", "read"),
        ("0", "99", "0", "to read"),
    ]
    assert found.source.layout.events.no_rating == (0.0,)
    assert [file.name for file in found.events.beside] == ["book_id_map.csv"]
    assert {"average_rating", "similar_books", "popular_shelves"} <= set(found.items.left_out)


def test_goodreads_reviews_have_a_time(found_in: Callable) -> None:
    review = {
        "user_id": "u",
        "book_id": "99",
        "review_id": "r",
        "rating": 5,
        "review_text": "!",
        "date_added": "Fri Aug 25 13:55:02 -0700 2017",
    }
    found = found_in({"goodreads_books.jsonl": [BOOK], "goodreads_reviews_x.jsonl": [review]})
    assert found.event_cells("item_id", "timestamp") == [("99", "Fri Aug 25 13:55:02 -0700 2017")]
    assert "authors" in found.items.left_out  # numbers without names


def test_goodbooks_leaves_out_what_others_think(found_in: Callable) -> None:
    found = found_in(
        {
            "books.csv": "book_id,goodreads_book_id,best_book_id,isbn,authors,original_publication_year,title,language_code,average_rating,ratings_1,image_url\n"
            "1,2767052,2767052,439023483,S. C.,2008.0,\"Arena (Arena, #1)\",eng,4.34,66715,https://i/1.jpg\n",
            "ratings.csv": "user_id,book_id,rating\n1,1,5\n",
            "to_read.csv": "user_id,book_id\n9,1\n",
        }
    )  # fmt: skip
    assert found.layout == "goodbooks-10k"
    assert found.item_cells("item_id", "title", "image") == [("1", "Arena (Arena, #1)", "https://i/1.jpg")]
    assert {"average_rating", "ratings_1", "isbn", "goodreads_book_id"} <= set(found.items.left_out)
    assert found.event_cells("user_id", "item_id", "rating") == [("1", "1", "5")]
    assert [file.name for file in found.source.unused] == ["to_read.csv"]


def test_book_crossings_zero_is_no_rating(found_in: Callable) -> None:
    found = found_in(
        {
            "BX-Books.csv": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S";"Image-URL-M";"Image-URL-L"\n'
            '"0195153448";"Straße";"M";"2002";"O";"http://s";"http://m";"http://l"\n'.encode("latin-1").decode("latin-1"),
            "BX-Book-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\n"276725";"0195153448";"0"\n"276726";"0195153448";"5"\n',
            "BX-Users.csv": '"User-ID";"Location";"Age"\n"1";"nyc";NULL\n',
        }
    )  # fmt: skip
    assert found.layout == "Book-Crossing"
    assert found.source.layout.events.no_rating == (0.0,)
    assert found.item_cells("item_id", "title", "image") == [("0195153448", "Straße", "http://l")]
    assert found.event_cells("user_id", "rating") == [("276725", "0"), ("276726", "5")]


def test_yelps_settings_are_read_and_what_is_closed_is_not_available(found_in: Callable) -> None:
    business = {
        "business_id": "b1", "name": "Café", "city": "Tucson", "state": "AZ", "stars": 4.5, "review_count": 12, "is_open": 1,
        "attributes": {"BusinessParking": "{'garage': False, 'street': True}", "RestaurantsTakeOut": "True", "Alcohol": "u'none'"},
        "categories": "Coffee & Tea, Food", "hours": {"Monday": "0:0-0:0"}, "latitude": 32.1, "longitude": -110.9, "address": "1 Main",
    }  # fmt: skip
    review = {
        "review_id": "r",
        "user_id": "u",
        "business_id": "b1",
        "stars": 2.0,
        "text": "x",
        "date": "2018-07-07 22:09:11",
        "useful": 0,
    }
    found = found_in(
        {
            "yelp_academic_dataset_business.json": [
                business,
                {**business, "business_id": "b2", "is_open": 0, "attributes": None},
            ][0],
            "review.jsonl": [review],
            "user.jsonl": [
                {"user_id": "u", "name": "N", "review_count": 3, "yelping_since": "2010-01-01", "friends": "a, b"}
            ],
        }
        | {"business.jsonl": [business, {**business, "business_id": "b2", "is_open": 0, "attributes": None}]}
    )
    assert found.layout == "Yelp"
    rows = list(found.items.table.rows())
    assert rows[0]["BusinessParking"] == ["street"]
    assert rows[0].get("Alcohol") is None
    if len(rows) > 1:
        assert [row["availability"] for row in rows] == [None, "discontinued"]
    assert {"stars", "review_count", "hours", "latitude"} <= set(found.items.left_out)
    assert found.event_cells("user_id", "item_id", "rating", "timestamp") == [("u", "b1", 2.0, "2018-07-07 22:09:11")]


def test_yelps_closed_businesses_are_not_available(found_in: Callable) -> None:
    rows = [
        {"business_id": f"b{n}", "name": "N", "city": "T", "stars": 4.0, "review_count": 1, "is_open": n}
        for n in (0, 1)
    ]
    assert found_in({"business.jsonl": rows}).item_cells("item_id", "availability") == [
        ("b0", "discontinued"),
        ("b1", None),
    ]


@pytest.mark.parametrize(
    ("said", "brand"),
    [
        ("Visit the Aro Store", "Aro"),
        ("\n    Brand: Aro", "Aro"),
        ("by\n\n  Aro", "Aro"),
        ("Aro", "Aro"),
        ("Visit Amazon's Aro Page", "Aro"),
        ("", ""),
    ],
)
def test_brands_are_freed_from_what_pages_say_around_them(said: str, brand: str) -> None:
    assert brand_of(said) == brand


def test_amazon_2014_has_python_literals(found_in: Callable) -> None:
    found = found_in(
        {
            "meta_Beauty.json": "{'asin': 'B1', 'title': \"It's soap\", 'imUrl': 'http://i/1.jpg', 'price': 4.99, 'salesRank': {'Beauty': 1}, "
            "'related': {'also_bought': ['B2']}, 'categories': [['Beauty', 'Bath']], 'description': 'Mild', 'brand': 'Aro'}\n"
            "{'asin': 'B2', 'title': 'Oil', 'categories': [['Beauty']], 'imUrl': 'http://i/2.jpg'}\n",
            "reviews_Beauty_5.json": [
                {
                    "reviewerID": "A1",
                    "asin": "B1",
                    "overall": 5.0,
                    "unixReviewTime": 1369699200,
                    "reviewText": "x",
                    "helpful": [0, 0],
                }
            ],
        }
    )
    assert found.layout == "Amazon Reviews 2014 or 2018"
    row = found.item()
    assert (row["title"], row["text"], row["categories"], row["brand"], row["images"]) == (
        "It's soap",
        "Mild",
        ["Beauty", "Bath"],
        "Aro",
        ["http://i/1.jpg"],
    )
    assert {"salesRank", "related"} <= set(found.items.left_out)
    assert found.event_cells("user_id", "item_id", "rating", "timestamp") == [("A1", "B1", 5.0, 1369699200)]


def test_amazon_2018_categories_and_features_are_lists(found_in: Callable) -> None:
    meta = {
        "asin": "B1", "title": "Kettle", "category": ["Home", "</span></span>", "Kettles"], "description": ["<p>Steel</p>"], "feature": ["a", "b", "c", "d"],
        "brand": "\n Visit the Aro Store", "price": "$12.99 - $30.00", "also_buy": ["B2"], "rank": ">#1 in Kitchen",
        "imageURLHighRes": ["https://i/1.jpg", "https://i/2.jpg"], "imageURL": ["https://i/s.jpg"], "main_cat": "Home",
    }  # fmt: skip
    found = found_in(
        {
            "meta_Home.jsonl": [meta],
            "Home.jsonl": [{"reviewerID": "A", "asin": "B1", "overall": 2.0, "unixReviewTime": 1252800000}],
        }
    )
    row = found.item()
    assert (row["categories"], row["text"], row["brand"]) == (["Home", "Kettles"], "<p>Steel</p> a b c", "Aro")
    assert row["images"] == ["https://i/1.jpg", "https://i/2.jpg"]
    assert row["price"] == "$12.99 - $30.00"
    assert {"also_buy", "rank"} <= set(found.items.left_out)


META_2023 = {
    "main_category": "All Beauty", "title": "Serum", "average_rating": 4.8, "rating_number": 10, "features": ["Soft"], "description": ["Long."],
    "price": None, "images": [{"thumb": "https://i/t", "large": "https://i/l", "variant": "MAIN", "hi_res": None}], "videos": [], "store": "Brand: Aro",
    "categories": [], "details": {"Scent": "Rose", "UPC": "644287689178", "Brand": "Kamm"}, "parent_asin": "P1", "bought_together": None,
}  # fmt: skip


def test_amazon_2023_names_the_parent_and_its_details(found_in: Callable) -> None:
    found = found_in(
        {
            "meta_All_Beauty.jsonl": [
                META_2023,
                {**META_2023, "parent_asin": "P2", "details": '{"Brand":"K"}', "store": None},
            ],
            "All_Beauty.jsonl": [
                {
                    "rating": 5.0,
                    "title": "x",
                    "asin": "C1",
                    "parent_asin": "P1",
                    "user_id": "U1",
                    "timestamp": 1588687728923,
                }
            ],
        }
    )
    assert found.layout == "Amazon Reviews 2023"
    first, second = found.items.table.rows()
    assert (first["parent_asin"], first["categories"], first["images"], first["Scent"]) == (
        "P1",
        ["All Beauty"],
        ["https://i/l"],
        "Rose",
    )
    assert (first["brand"], second["brand"]) == ("Aro", "K")
    assert "UPC" not in first
    assert {"average_rating", "rating_number", "bought_together"} <= set(found.items.left_out)
    assert found.event_cells("item_id") == [("P1",)]  # not the child's number


def test_the_split_of_amazon_2023_is_kept(found_in: Callable) -> None:
    head = "user_id,parent_asin,rating,timestamp,history\n"
    found = found_in(
        {
            "meta_All_Beauty.jsonl": [META_2023],
            "All_Beauty.train.csv": head + "U1,P1,5.0,1588687728923,\n",
            "All_Beauty.valid.csv": head + "U1,P1,4.0,1588687728924,P1\n",
            "All_Beauty.test.csv": head + "U1,P1,3.0,1588687728925,P1 P1\n",
        }
    )
    assert found.layout == "Amazon Reviews 2023, given split"
    assert [file.name.split(".")[1] for file in found.source.events] == ["test", "train", "valid"]
    assert found.event_cells("rating", "part") == [("3.0", "test")]


MOVIES_DAT = "1::Toy Story (1995)::Animation|Children's\n2::Heat (1995)::Crime\n3::Nowhere::(no genres listed)\n"
RATINGS_DAT = "1::1::5::978300760\n1::2::3::978302109\n2::3::4::978301968\n"


def test_movielens_1m_has_no_header(found_in: Callable) -> None:
    found = found_in(
        {"movies.dat": MOVIES_DAT, "ratings.dat": RATINGS_DAT, "users.dat": "1::F::1::10::48067\n2::M::56::16::70072\n"}
    )
    assert found.layout == "MovieLens .dat files"
    assert found.item_cells("item_id", "title")[0] == ("1", "Toy Story (1995)")
    assert (found.item()["genres"], found.item()["year"], found.item(2)["genres"], found.item(2)["year"]) == (
        ["Animation", "Children's"],
        1995.0,
        None,
        None,
    )
    assert found.event_cells("user_id", "item_id", "rating", "timestamp")[0] == ("1", "1", "5", "978300760")
    assert [file.name for file in found.source.unused] == ["users.dat"]


def test_movielens_100k_has_a_column_for_each_genre(found_in: Callable) -> None:
    flags = ["0"] * 19
    flags[3] = flags[5] = "1"
    other = ["0"] * 19
    other[16] = "1"
    rows = [
        ["1", "Toy Story (1995)", "01-Jan-1995", "", "http://i/1", *flags],
        ["2", "GoldenEye (1995)", "01-Jan-1995", "", "http://i/2", *other],
    ]
    found = found_in(
        {
            "u.item": "".join("|".join(row) + "\n" for row in rows),
            "u.data": "196\t1\t3\t881250949\n186\t2\t3\t891717742\n",
            "u.genre": "unknown|0\nAction|1\n",
            "u.user": "1|24|M|technician|85711\n",
        }
    )
    assert found.layout == "MovieLens 100K"
    assert found.item_cells("item_id", "title") == [("1", "Toy Story (1995)"), ("2", "GoldenEye (1995)")]
    assert found.item()["genres"] == ["Animation", "Comedy"]
    assert found.item(1)["genres"] == ["Thriller"]
    assert found.item()["year"] == 1995.0
    assert found.event_cells("user_id", "item_id", "rating")[0] == ("196", "1", "3")


def test_movielens_latest_keeps_tags_and_links_aside(found_in: Callable) -> None:
    found = found_in(
        {
            "movies.csv": 'movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n44,Babylon 5,Sci-Fi\n',
            "ratings.csv": "userId,movieId,rating,timestamp\n1,11,4.0,964982703\n",
            "tags.csv": "userId,movieId,tag,timestamp\n1,11,witty,1445714994\n",
            "links.csv": "movieId,imdbId,tmdbId\n11,0112346,9087\n",
        }
    )
    assert (found.layout, found.source.layout.kind) == ("MovieLens", "rating")
    assert [row["year"] for row in found.items.table.rows()] == [1995.0, None]
    assert {file.name for file in found.source.unused} == {"tags.csv", "links.csv"}


def test_redials_seekers_say_what_they_like(found_in: Callable) -> None:
    talk = {
        "movieMentions": {"203371": "Final Fantasy (2001)", "84779": "Ghost (1990)"}, "conversationId": "391", "initiatorWorkerId": 957, "respondentWorkerId": 1,
        "initiatorQuestions": {"203371": {"suggested": 1, "seen": 0, "liked": 1}, "84779": {"suggested": 0, "seen": 1, "liked": 2}},
        "respondentQuestions": {}, "messages": [{"messageId": 1, "text": "hi", "timeOffset": 0, "senderWorkerId": 957}],
    }  # fmt: skip
    found = found_in(
        {
            "train_data.jsonl": [talk],
            "test_data.jsonl": [talk],
            "movies_with_mentions.csv": "movieId,movieName,nbMentions\n203371,Final Fantasy (2001),4\n",
        }
    )
    assert found.layout == "ReDial conversations"
    assert len(found.source.events) == 2
    assert found.item_cells("item_id", "title") == [("203371", "Final Fantasy (2001)")]
    assert found.event_cells("user_id", "item_id", "rating") == [("957", "203371", 1), ("957", "84779", 2)]
    assert found.source.layout.events.no_rating == (2.0,)
    assert "messages" in found.events.left_out


def test_lastfm_weights_are_amounts(found_in: Callable) -> None:
    found = found_in(
        {
            "artists.dat": "id\tname\turl\tpictureURL\n1\tMALICE\thttp://l/1\thttp://p/1.jpg\n",
            "user_artists.dat": "userID\tartistID\tweight\n2\t1\t13883\n",
            "tags.dat": "tagID\ttagValue\n1\tmetal\n",
        }
    )
    assert found.layout == "Last.fm (HetRec 2011)"
    assert found.event_cells("user_id", "item_id", "amount") == [("2", "1", "13883")]
    assert found.source.layout.kind == "listen"


def test_an_anime_rated_minus_one_was_not_rated(found_in: Callable) -> None:
    found = found_in(
        {
            "anime.csv": 'anime_id,name,genre,type,episodes,rating,members\n1,Kimi,"Drama, Romance",Movie,1,9.37,200630\n',
            "rating.csv": "user_id,anime_id,rating\n1,1,-1\n",
        }
    )
    assert found.layout == "anime ratings"
    assert found.source.layout.events.no_rating == (-1.0,)
    assert {"rating", "members"} <= set(found.items.left_out)


STEAM_GAMES = (
    "{u'publisher': u'Kotoshiro', u'genres': [u'Action'], u'app_name': u'Bound', u'title': u'Bound', u'url': u'http://s/1', u'tags': [u'Indie'], "
    "u'discount_price': 4.49, u'reviews_url': u'http://r', u'specs': [u'Single-player'], u'price': 4.99, u'early_access': False, u'id': u'761140', u'developer': u'K'}\n"
    "{u'genres': [u'Indie'], u'app_name': u'Real', u'title': u'Real', u'url': u'http://s/2', u'specs': [], u'price': u'Free To Play', u'early_access': False, u'id': u'643980'}\n"
)


def test_steams_shelves_are_events_of_play(found_in: Callable) -> None:
    found = found_in(
        {
            "steam_games.json": STEAM_GAMES,
            "australian_users_items.json": "{'user_id': 'u1', 'items_count': 2, 'steam_id': '7', 'user_url': 'x', 'items': "
            "[{'item_id': '761140', 'item_name': 'Bound', 'playtime_forever': 6, 'playtime_2weeks': 0}, "
            "{'item_id': '643980', 'item_name': 'Real', 'playtime_forever': 0, 'playtime_2weeks': 0}]}\n"
            "{'user_id': 'u2', 'items_count': 0, 'steam_id': '8', 'user_url': 'y', 'items': []}\n",
        }
    )
    assert found.layout == "Steam (UCSD), shelves"
    assert found.event_cells("user_id", "item_id", "amount") == [("u1", "761140", 6), ("u1", "643980", 0)]
    assert found.item_cells("item_id", "title") == [("761140", "Bound"), ("643980", "Real")]
    assert found.items.roles["price"] == ("discount_price", "price")
    assert "reviews_url" in found.items.left_out


def test_steams_reviews_say_whether_they_recommend(found_in: Callable) -> None:
    found = found_in(
        {
            "steam_games.json": STEAM_GAMES,
            "australian_user_reviews.json": "{'user_id': 'u1', 'user_url': 'x', 'reviews': [{'funny': '', 'posted': 'Posted November 5, 2011.', 'last_edited': '', "
            "'item_id': '761140', 'helpful': 'No', 'recommend': False, 'review': 'meh'}]}\n{'user_id': 'u2', 'user_url': 'x', 'reviews': []}\n",
        }
    )
    assert found.layout == "Steam (UCSD), reviews"
    assert found.event_cells("user_id", "item_id", "rating", "timestamp") == [
        ("u1", "761140", False, "November 5, 2011")
    ]


def test_kaggles_steam_games_get_their_descriptions(found_in: Callable) -> None:
    found = found_in(
        {
            "games.csv": "app_id,title,date_release,win,mac,linux,rating,positive_ratio,user_reviews,price_final,price_original,discount,steam_deck\n"
            "13500,Prince,2008-11-21,true,false,false,Very Positive,84,2199,9.99,9.99,0.0,true\n",
            "recommendations.csv": "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id\n13500,0,0,2022-12-12,true,36.3,51580,0\n",
            "users.csv": "user_id,products,reviews\n51580,359,0\n",
            "games_metadata.json": '{"app_id":13500,"description":"Enter the dark.","tags":["Action","Parkour"]}\n{"app_id":1,"description":"","tags":[]}\n',
        }
    )
    assert found.layout == "Steam (Kaggle recommendations)"
    assert found.item()["description"] == "Enter the dark."
    assert found.item()["tags"] == ["Action", "Parkour"]
    assert [file.name for file in found.items.beside] == ["games_metadata.json"]
    assert found.event_cells("user_id", "item_id", "rating") == [("51580", "13500", "true")]


def test_steam_200k_names_games_by_title_and_counts_hours_of_play(found_in: Callable) -> None:
    found = found_in(
        {
            "steam-200k.csv": '151603712,"Sky Realm V",purchase,1.0,0\n151603712,"Sky Realm V",play,273.0,0\n53875128,"Vault 4",purchase,1.0,0\n'
        }
    )
    assert found.layout == "Steam 200k"
    assert found.event_cells("user_id", "item_id", "kind", "amount") == [
        ("151603712", "Sky Realm V", "purchase", None),
        ("151603712", "Sky Realm V", "play", "273.0"),
        ("53875128", "Vault 4", "purchase", None),
    ]
    assert found.item_cells("item_id", "title") == [("Sky Realm V", "Sky Realm V"), ("Vault 4", "Vault 4")]


def test_playlists_are_histories_in_their_order(found_in: Callable) -> None:
    tracks = [
        {
            "pos": place,
            "track_uri": f"t:{place}",
            "track_name": f"T{place}",
            "artist_name": "M",
            "album_name": "A",
            "duration_ms": 1,
        }
        for place in (1, 0)
    ]
    found = found_in(
        {
            "mpd.slice.0-999.json": {
                "info": {"slice": "0-1"},
                "playlists": [{"name": "Old", "pid": 7, "modified_at": 1, "tracks": tracks}],
            }
        }
    )
    assert found.layout == "Spotify playlists"
    assert found.event_cells("user_id", "item_id") == [("7", "t:0"), ("7", "t:1")]
    assert "timestamp" not in found.events.roles
    assert "modified_at" in found.events.left_out


def test_minds_clicks_and_histories_are_events(found_in: Callable) -> None:
    found = found_in(
        {
            "news.tsv": 'N1\tsports\tgolf\tA cup\tIt was won\thttps://m/1\t[]\t[]\nN2\tnews\tworld\tA vote\tIt was cast\thttps://m/2\t[{"Label": "x"}]\t[]\n',
            "behaviors.tsv": "1\tU1\t11/13/2019 8:36:57 AM\tN2\tN1-1 N2-0\n2\tU1\t11/12/2019 8:36:57 AM\tN2\tN2-1\n",
        }
    )
    assert found.layout == "MIND news"
    assert found.item_cells("item_id", "title", "text") == [
        ("N1", "A cup", "It was won"),
        ("N2", "A vote", "It was cast"),
    ]
    cells = found.event_cells("user_id", "item_id", "timestamp")
    assert [(user, news, str(time)) for user, news, time in cells] == [
        ("U1", "N2", "2019-11-12 08:36:57"),
        ("U1", "N1", "2019-11-13 08:36:57"),
        ("U1", "N2", "2019-11-12 08:36:57"),
    ]
    assert any("not clicked" in note for note in found.events.notes)


def test_fashion_styles_have_titles(found_in: Callable) -> None:
    found = found_in(
        {
            "styles.csv": "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n15970,Men,Apparel,Topwear,Shirts,Navy,Fall,2011,Casual,Turt Shirt\n"
        }
    )
    assert found.layout == "Kaggle fashion styles"
    assert found.item_cells("item_id", "title") == [("15970", "Turt Shirt")]


def test_retailrocket_items_have_their_category_path_and_stock(found_in: Callable) -> None:
    properties = "timestamp,itemid,property,value\n1435460400000,9,categoryid,1338\n1435460500000,9,categoryid,1016\n1435460400000,9,888,n55.000 6394\n"
    found = found_in(
        {
            "events.csv": "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257,view,9,\n1433221332500,257,addtocart,8,\n",
            "item_properties_part1.csv": properties,
            "item_properties_part2.csv": "timestamp,itemid,property,value\n1435460400000,8,available,0\n",
            "category_tree.csv": "categoryid,parentid\n1016,213\n213,\n",
        }
    )
    assert found.layout == "Retailrocket"
    assert found.event_cells("user_id", "item_id", "kind") == [("257", "9", "view"), ("257", "8", "addtocart")]
    assert [(row["itemid"], row["category"], row["available"]) for row in found.items.table.rows()] == [
        ("9", ["213", "1016"], None),
        ("8", [], "0"),
    ]
    assert {file.name for file in found.items.beside} == {"item_properties_part2.csv", "category_tree.csv"}


STORE = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
    "2019-10-01 00:00:00 UTC,view,100,20,electronics.phone,nokta,129.90,51,s1\n"
    "2019-10-01 00:00:05 UTC,purchase,100,20,electronics.phone,nokta,119.90,51,s1\n"
    "2019-10-01 00:00:06 UTC,cart,200,21,,,7.25,51,s1\n"
)


def test_items_of_a_log_have_their_last_price_and_category_path(found_in: Callable) -> None:
    found = found_in({"2019-Oct.csv": STORE})
    assert found.layout == "multi-category store"
    assert found.source.items is None
    assert found.event_cells("user_id", "item_id", "kind")[1] == ("51", "100", "purchase")
    assert [
        (row["product_id"], row["category_code"], row["brand"], row["price"]) for row in found.items.table.rows()
    ] == [
        ("100", ["electronics", "phone"], "nokta", "119.90"),
        ("200", None, None, "7.25"),
    ]


def test_a_known_log_takes_the_items_that_stand_beside_it(found_in: Callable) -> None:
    found = found_in({"events.csv": STORE, "products.csv": "product_id,name,price\n100,Phone,129.90\n"})
    assert (found.layout, found.source.items.name) == ("multi-category store", "products.csv")


INVOICES = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,WHITE HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
    "536366,85123A,HEART WHITE,6,12/1/2010 8:27,2.55,17850,United Kingdom\n"
    "536367,85123A,WHITE HEART,6,12/1/2010 8:28,2.95,17851,United Kingdom\n"
    "C536379,85123A,WHITE HEART,-1,12/1/2010 9:41,2.95,17850,United Kingdom\n"
    "536370,POST,POSTAGE,3,12/1/2010 8:45,18.00,12583,France\n"
)


def test_charges_are_no_items_and_cancelled_invoices_are_returns(found_in: Callable) -> None:
    found = found_in({"online_retail.csv": INVOICES})
    assert found.layout == "UCI Online Retail"
    assert found.event_cells("item_id", "kind", "quantity") == [
        ("85123A", "purchase", "6"),
        ("85123A", "purchase", "6"),
        ("85123A", "purchase", "6"),
        ("85123A", "return", "-1"),
    ]
    assert [(row.line, row.reason, row.content) for row in found.events.table.refused] == [
        (6, "a charge, no item", "POST")
    ]
    assert found.item_cells("item_id", "title", "price") == [
        ("85123A", "WHITE HEART", "2.95")
    ]  # what most lines say; the last price


def test_dates_of_invoices_are_months_first_where_the_column_leaves_it_open(found_in: Callable) -> None:
    found = found_in({"online_retail.csv": INVOICES})
    assert [str(time)[:10] for (time,) in found.event_cells("timestamp")] == ["2010-12-01"] * 4
    told = found_in({"online_retail.csv": INVOICES.replace("12/1/2010 8:26", "13/1/2010 8:26")})
    assert told.event_cells("timestamp")[0] == ("13/1/2010 8:26",)


def test_instacarts_orders_find_their_persons_in_order(found_in: Callable) -> None:
    found = found_in(
        {
            "products.csv": "product_id,product_name,aisle_id,department_id\n196,Soda,77,7\n",
            "aisles.csv": "aisle_id,aisle\n77,soft drinks\n",
            "departments.csv": "department_id,department\n7,beverages\n",
            "orders.csv": "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order\n1,5,prior,2,3,9,7\n2,5,prior,1,3,9,\n",
            "order_products__prior.csv": "order_id,product_id,add_to_cart_order,reordered\n1,196,1,1\n2,196,1,0\n",
        }
    )
    assert found.layout == "Instacart"
    assert found.item()["aisle"] == "soft drinks"
    assert found.item()["department"] == "beverages"
    assert [(row["user_id"], row["order_id"]) for row in found.events.table.rows()] == [("5", "2"), ("5", "1")]


def test_kuaishous_videos_say_what_was_done(found_in: Callable) -> None:
    found = found_in(
        {
            "log_standard_4_08.csv": "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_hate,long_view,play_time_ms\n"
            "0,1,20220408,0,1649347200000,1,1,0,0,1,5000\n0,2,20220408,0,1649347200001,0,0,0,0,0,0\n0,3,20220408,0,1649347200002,1,0,0,1,0,9\n",
            "video_features_basic_pure.csv": "video_id,author_id,video_type,upload_dt,tag\n1,7,NORMAL,2022-03-26,39\n",
        }
    )
    assert found.layout == "KuaiRand"
    assert found.event_cells("item_id", "kind") == [("1", "like"), ("2", "impression"), ("3", "hate")]


def test_sequences_are_events_and_the_last_time_of_each_person_dates_them(found_in: Callable) -> None:
    found = found_in(
        {
            "sequences.txt": "u1 11 12 13\nu2 12\nu3\n",
            "movies.csv": "movie_id,title,genres\n11,Heat (1995),Crime\n12,Babe (1995),Comedy\n13,Casino (1995),Crime\n",
            "user_last_timestamp.tsv": "user_id\tlast_timestamp\nu1\t978300760\n",
        }
    )
    assert found.layout == "MovieLens, in sequences"
    cells = found.event_cells("user_id", "item_id", "timestamp")
    assert [(user, item, int(np.datetime64(time, "s").astype(int))) for user, item, time in cells] == [
        ("u1", "11", 978300758),
        ("u1", "12", 978300759),
        ("u1", "13", 978300760),
        ("u2", "12", 1),
    ]
    assert [(row.line, row.reason) for row in found.events.table.refused] == [(3, "a person without items")]


def test_sequences_without_times_have_an_order_alone(found_in: Callable) -> None:
    found = found_in(
        {
            "sequences.txt": "A1 B01 B02\nA2 B02 B01 B03\n",
            "titles.csv": "asin,title\nB01,Soap\nB02,Oil\n",
            "attributes.json": {"B01": [173, 1]},
        }
    )
    assert found.layout == "item sequences"
    assert "timestamp" not in found.events.roles
    assert [row["groups"] for row in found.items.table.rows()] == [["173", "1"], None]
    assert len(found.events.table) == 5
    assert found.events.notes == ("the order of events is known, and no time",)


def test_a_table_of_nobodys_has_no_layout(found_in: Callable) -> None:
    found = found_in(
        {"items.csv": "item_id,title,genres\n1,Lamp,a|b\n", "events.csv": "user_id,item_id,timestamp\nu,1,1600000000\n"}
    )
    assert found.layout is None
    assert found.source.events
