"""What the names of attributes say of how they are spoken: kind, maker, time, count … in several languages.

A name speaks by its last words, without those that say nothing ("colour_group_name" is a colour). What a column holds
is judged beside it (`looks`); deliberately knows no catalog.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias, get_args

from genrec.data.layouts.names import plain

Say: TypeAlias = Literal[
    "kind",  # what the thing is: a thriller, a lamp
    "adjective",  # before the noun or after "is": red, dark
    "property",  # a value that its form says: made of wood, in German, from France
    "group",  # the part of a catalog it stands in: from Womens Basics
    "maker",  # by Kubrick, by Sony
    "cast",  # with Al Pacino
    "time",  # from 1995, from the 1990s
    "price",
    "number",  # with its unit or noun: 120 minutes, 350 pages
    "score",  # how good others find it: rated 8.9
    "rating",  # for which age: rated PG-13
    "truth",  # is vegan, has wifi
    "value",  # any other text: the same mood as
    "about",  # a long text: plot, description
    "silent",  # counts, ids, codes, links: never said
]
SAYS: tuple[Say, ...] = get_args(Say)


def listed(words: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(words.split())


UNKNOWN_RANK = 10_000  # behind all names that are known


@dataclass(frozen=True, slots=True)
class Meaning:
    """How an attribute of some name is spoken.

    form: what follows "it", {value} being its value and {a} its article; empty for the form of its `say`. link: what
    leads to another item with the same maker ("by the director of"); is_english: in which language the name is. rank:
    of several attributes with one role the lowest is the surest.
    """

    say: Say
    form: str = ""
    link: str = ""
    is_english: bool = True
    rank: int = UNKNOWN_RANK


# "say ; form ; link:", and below it names in English, and after a | names in other languages. Of names that end alike
# the longest counts.
_TABLE = """
kind:
  product type, item type, garment type, room type, category, type, kind, subcategory, genre, main genre,
  product category, wine type, dish type, vehicle type, body type, property type
  | kategorie, produktart, warengruppe, art, produkttyp, categorie, categoria, tipo, gattung, rubrik, sorte,
  | kategoria, categoria prodotto, 类别, カテゴリ, категория, genero, genere, kategori
adjective:
  color, colour, cuisine, condition
  | farbe, couleur, colore, kleur, farg, kolor, цвет, 颜色, 色
property ; is made of {value}:
  material, fabric, fabric type, composition
  | material, werkstoff, matiere, materiale, materiaal
property ; is in {value}:
  language, lang, original language, language code, audio language, lang code, original language code
  | sprache, langue, idioma, lingua, taal
property ; is from {value}:
  country, origin, country of origin, region, production country, province, appellation, country code
  | land, herkunft, herkunftsland, pays, pais, paese, ursprungsland
property ; is in {value}:
  city, location, neighbourhood, neighborhood, district, town, state
  | ort, stadt, standort, ville, ciudad, citta
group ; is from {value}:
  department, section, collection, series, franchise, product line, line, index, product group, garment group,
  season, range
  | abteilung, kollektion, serie, reihe
property ; has {a} {value} pattern:
  pattern, print
  | muster
property ; has {a} {value} style:
  style
property ; has {a} {value} shape:
  shape
property ; has {a} {value} accent:
  accent
property ; has {a} {value} finish:
  finish
property ; has {a} {value} look:
  look
property ; has {a} {value} tone:
  warmth, color value, colour value, perceived colour value
property ; is from the album {value}:
  album, album name
property ; runs on {value}:
  platform, operating system, os
  | plattform
property ; is for {value}:
  gender, target gender, audience, age group, skin type, sport, occasion
  | geschlecht, zielgruppe
property ; is {value}:
  job type, employment type, contract type, work type, difficulty, level, skill level, experience level, diet, dietary
  | schwierigkeit, schwierigkeitsgrad
property ; comes in size {value}:
  size
  | grosse, groesse, taille, talla
property ; is made with {value}:
  ingredient, grape variety, grape, variety, varietal
  | zutat, rebsorte
maker ; is directed by {value} ; by the director of:
  director
  | regie, regisseur, realisateur, regista
maker ; is by {value} ; by the author of:
  author, book author
  | autor, autorin, verfasser, auteur, autore, 作者, автор
maker ; is by {value} ; by the writer of:
  writer, screenwriter
maker ; is by {value} ; by the artist behind:
  artist, performer, band, musician, singer, artist name, album artist
  | kunstler, interpret, artiste, artista
maker ; is by {value} ; by the composer of:
  composer
  | komponist
maker ; is by {value} ; by the designer of:
  designer, game designer
maker ; is by {value} ; by the developer of:
  developer
  | entwickler
maker ; is by {value} ; from the studio behind:
  studio, production company
maker ; is by {value} ; by the creator of:
  creator, host, showrunner
maker ; is published by {value} ; from the publisher of:
  publisher
  | verlag, editeur, editorial
maker ; is taught by {value} ; by the teacher of:
  instructor, teacher
maker ; is from {value}:
  company, company name, employer, producer, winery, brewery, roaster, vendor, supplier
maker ; is by {value}:
  brand, maker, manufacturer, label, record label, make, brand name
  | marke, hersteller, marque, marca, merk, fabricant, fabricante, producent, бренд, 品牌, ブランド, firma
cast ; stars {value}:
  actor, actress, cast, star, starring, lead actor, stars
  | schauspieler, darsteller, besetzung, acteur, actores, attori
time ; is from {value}:
  year, release year, date, release date, released, publication year, published, year published,
  original publication year, publication date, vintage, aired, premiered, start date, model year, album release date
  | jahr, erscheinungsjahr, baujahr, annee, ano, anno, erscheinungsdatum, rok, год, jaar, 年
price ; costs {value}:
  price, cost, sale price, list price, price eur, price usd, unit price
  | preis, prix, precio, preco, prezzo, prijs, cena, цена, 价格, 価格
rating ; is rated {value}:
  rated, content rating, age rating, mpaa, mpaa rating, certificate, certification, maturity rating, esrb,
  esrb rating, parental rating, film rating
  | fsk, usk, altersfreigabe, pegi
score ; is rated {value}:
  rating, average rating, avg rating, score, stars, vote average, imdb rating, imdb score, metascore, metacritic,
  review score, review scores rating, points, rating average, user rating, critic score
  | bewertung, note, sterne, puntuacion
number ; runs {value} minutes:
  runtime, runtime minutes, running time, duration min, duration minutes
  | laufzeit
number ; takes {value} minutes:
  minutes, cook time, cooking time, prep time, total time, prep minutes, playing time, playtime, max playtime,
  min playtime, ready in minutes
  | kochzeit, zubereitungszeit
number ; takes {value} hours:
  hours, num hours, content duration, course hours
number ; has {value} pages:
  pages, num pages, page count, number of pages
  | seiten, seitenzahl
number ; has {value} episodes:
  episodes, num episodes, episode count
  | folgen
number ; has {value} seasons:
  seasons, num seasons
number ; has {value} calories:
  calories, kcal, energy kcal
  | kalorien
number ; has {value} steps:
  steps, n steps, num steps
number ; has {value} ingredients:
  ingredients, n ingredients, num ingredients
number ; serves {value}:
  servings, serves, yield
  | portionen
number ; is for at least {value} players:
  min players, minplayers, minimum players
number ; is for up to {value} players:
  max players, maxplayers, maximum players, players
number ; is for ages {value} and up:
  min age, minimum age, recommended age, age from
number ; has {value} bedrooms:
  bedrooms
number ; pays {value}:
  salary, pay, wage, hourly rate, annual salary, salary usd, salary in usd
  | gehalt, lohn, salaire, sueldo
number ; sleeps {value}:
  accommodates, sleeps
number ; has {value} tracks:
  tracks, num tracks, total tracks
about:
  plot, overview, description, desc, synopsis, summary, abstract, storyline, about, blurb, detail desc, lyrics,
  instructions, directions, review, body, content, tagline
  | beschreibung, inhalt, handlung, descripcion, descrizione, zusammenfassung
silent:
  id, ids, no, nr, code, sku, asin, isbn, isbn13, isbn10, ean, gtin, upc, mpn, barcode, hash, key, slug, handle,
  url, uri, link, links, path, image, images, poster, poster path, thumbnail, photo, website, homepage, email,
  phone, zip, postal code, latitude, longitude, lat, lon, lng, timestamp, uuid, artikelnummer, plz, index code,
  file, filename, backdrop path, trailer, preview, model number
silent:
  members, votes, num votes, vote count, vote counts, favorites, favourites, popularity, rank, ranking, position,
  followers, likes, dislikes, views, view count, downloads, installs, sales, revenue, budget, gross, box office,
  num ratings, rating count, ratings count, review count, reviews count, reviews, num reviews, number of reviews,
  text reviews count, work ratings count, ratings, subscribers, num subscribers, plays, play count, playcount,
  listeners, scrobbles, comments, shares, count, counts, num, total, owned, owners, users rated, usersrated,
  bayes average, bayesaverage, completed, watching, dropped, plan to watch, on hold, stock, inventory, quantity,
  qty, bestand, lagerbestand, anzahl, availability, available, in stock, verfugbar, active, enabled,
  published online, visible, featured, verified, salesrank, sales rank, created at, updated at, weight rank,
  num sold, orders, trending, contributor, submitted, awards, tax, currency, discount, discount percent
"""
_IRREGULAR = {"calories": "calorie", "movies": "movie", "cookies": "cookie", "series": "series", "species": "species"}
_WEAK = listed("name names value values group master main primary list label title text product item the of")
_CODES = listed("id ids no nr code codes key number sku url uri link path hash uuid")
_NUM_OF = listed("num number n nb")
_COUNTS = listed("count counts votes ratings reviews downloads views likes followers subscribers members sold")


@cache
def _known() -> Mapping[str, tuple[Meaning, ...]]:
    """The meanings of each name, the surest first; names of several words are known without spaces, too."""
    found: dict[str, tuple[Meaning, ...]] = {}
    say, form, link, rank = "silent", "", "", 0
    for line in _TABLE.strip().splitlines():
        if not line.startswith(" "):
            say, form, link = (*(part.strip() for part in line.removesuffix(":").split(";")), "", "")[:3]
            continue
        for name in map(plain, filter(str.strip, line.replace("|", "").split(","))):
            rank += 1
            meaning = Meaning(say, form, link, "|" not in line, rank)  # type: ignore[arg-type]
            for spelling in {name, name.replace(" ", "")}:
                found[spelling] = (*found.get(spelling, ()), meaning)
    return found


@cache
def _spaced() -> Mapping[str, str]:
    """Known names of several words by how they are written without spaces."""
    return {name.replace(" ", ""): name for name in _known() if " " in name}


@cache
def meanings_of(name: str) -> tuple[Meaning, ...]:
    """What a name can say, the surest first; nothing where it says nothing that is known."""
    words = plain(name.rpartition(".")[2] or name).split()
    if not words:
        return ()
    whole = _known().get(" ".join(words), ())
    if not whole and len(words) > 1 and (words[-1] in _CODES or words[-1] in _COUNTS):
        return (Meaning("silent"),)
    if not whole and words[0] in _NUM_OF and len(words) > 1:
        return tuple(meaning for meaning in _with_singular(" ".join(words[1:])) if meaning.say == "number")
    found = _longest(words)
    while not found and len(words) > 1 and words[-1] in _WEAK:
        words = words[:-1]
        found = _longest(words)
    return found


def _longest(words: list[str]) -> tuple[Meaning, ...]:
    found = (_with_singular(" ".join(words[start:])) for start in range(len(words)))
    return next(filter(None, found), ())


def _with_singular(phrase: str) -> tuple[Meaning, ...]:
    known, single = _known(), singular(phrase)
    return (*known.get(phrase, ()), *(known.get(single, ()) if single != phrase else ()))


def singular(name: str) -> str:
    """The regular English singular of a name: categories, genres, dishes; a word that is none stays."""
    last = name.rpartition(" ")[2]
    if last in _IRREGULAR:
        return name.removesuffix(last) + _IRREGULAR[last]
    if len(last) < 4 or last.endswith(("ss", "us", "is")) or not last.endswith("s"):
        return name
    if last.endswith("ies"):
        return name[:-3] + "y"
    if last.endswith(("ches", "shes", "xes", "sses", "zes")):
        return name[:-2]
    return name[:-1]


def plural(word: str) -> str:
    """The regular English plural."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def spoken_name(name: str) -> str:
    """An attribute's name as words, without those that say nothing: "colour group" of colour_group_name."""
    words = name.rpartition(".")[2].replace("_", " ").replace("-", " ").split()
    if len(words) == 1 and words[0] != words[0].upper():
        words = plain(words[0]).split() if words[0][:1].islower() and not words[0].islower() else words
    if len(words) == 1 and words[0] in _spaced():
        words = _spaced()[words[0]].split()
    while len(words) > 1 and words[-1].lower() in ("name", "names", "value", "label", "text", "list"):
        words = words[:-1]
    return " ".join(words)
