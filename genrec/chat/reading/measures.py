"""Which number of a catalog a message speaks of: its price, its year, how long it is, a unit that is named.

Knows roles of attributes from their labels, and which words are near which; deliberately knows no domain: what "long"
is (minutes, pages, centimeters) follows from the catalog's own names and units.
"""

from collections.abc import Iterable, Sequence

from genrec.chat.lexicon import Lexicon, stems, words_of

# Words of names and units of attributes by which a measure is known: what the model calls length, size and so on.
_MEASURES = {
    "length": "length duration runtime run_time running minutes minute min hours hour h seconds pages page num_pages "
    "episodes words tracks time lange dauer laufzeit seiten duree longueur duracion paginas temps",
    "size": "size height width depth diameter weight volume area capacity inches cm mm m kg g lb l rooms bedrooms "
    "grosse hohe breite gewicht taille hauteur largeur poids tamano altura ancho peso",
    "rating": "rating score stars average_rating vote_average vote rank bewertung note punkte calificacion puntuacion",
    "popularity": "popularity popular reviews votes ratings count members sales views plays listeners downloads owners",
    "price": "price cost",
    "time": "year date released release",
}
_WORDS = {measure: frozenset(names.replace("_", " ").split()) for measure, names in _MEASURES.items()}
# Words for one unit or thing that is counted, in the languages that are read.
_SAME = (
    "minute min mins minutes minuten minutos",
    "hour h hr hrs hours stunde stunden heure heures hora horas",
    "people person persons player players guest guests serving servings serves sleeps personen spieler portionen "
    "joueur joueurs personne personnes convives jugador jugadores persona personas comensales raciones",
    "calories calorie kcal cal kalorien calorias",
    "protein proteins eiweiss proteine proteines proteinas",
    "page pages seiten seite paginas",
    "star stars sterne etoiles estrellas rating",
    "weight gewicht poids peso complexity difficulty schwierigkeit difficulte dificultad kg g gram grams gramm",
    "age alter edad",
    "price cost dollar dollars euro euros bucks quid pound pounds",
)
_CANON = {word: names.split()[0] for names in _SAME for word in names.split()}
# Adjectives of no attribute's name: what they are most of, and whether most of it is little.
_ADJECTIVES = {
    "length": (-1, "fast faster fastest quick quicker quickest schnell schneller schnellste rapide rapido rapida"),
    "weight": (1, "heavy heavier heaviest complex hard harder hardest difficult schwer schwerste lourd pesado dificil"),
    "lightness": (-1, "light lighter lightest easy easier easiest simple simpler simplest leicht leger ligero facil"),
}
MINUTES_PER_HOUR = 60.0
_MOST_HOURS = 24  # of a thing that lasts; longer ones are counted in minutes
_TIMES = frozenset({"minute", "hour"})


def attribute_for(measure: str, lexicon: Lexicon) -> str | None:
    """The number that a measure (price, time, length, size, rating, popularity) means in this catalog, if one does."""
    labels = lexicon.labels
    if measure == "price":
        return lexicon.price
    if measure in ("time", "year"):
        return lexicon.year
    if measure == "rating" and labels.scores:
        return next((name for name in labels.scores if name in lexicon.numeric), None)
    others = {lexicon.price, lexicon.year, *(labels.scores if measure != "rating" else ())}
    scored = [(_nearness(name, measure, lexicon), name) for name in lexicon.numeric if name not in others]
    best = max(scored, default=(0, ""))
    return best[1] if best[0] else None


def _nearness(attribute: str, measure: str, lexicon: Lexicon) -> int:
    known = _WORDS.get(measure, frozenset())
    return sum(word in known for word in _described(attribute, lexicon))


def _described(attribute: str, lexicon: Lexicon) -> tuple[str, ...]:
    return (
        *words_of(lexicon.labels.name(attribute)),
        *words_of(lexicon.labels[attribute].unit or ""),
        *words_of(attribute.replace("_", " ")),
    )


def attribute_near(words: Iterable[str], lexicon: Lexicon) -> str | None:
    """The number whose name or unit these words hold: "2 hours", "500 calories", "for 4 players"."""
    said = _canonical(words)
    scored = [(len(_canonical(_described(name, lexicon)) & said), name) for name in lexicon.numeric]
    is_timed = bool(said & _TIMES)
    scored += [(1, name) for name in lexicon.numeric if is_timed and _canonical(_described(name, lexicon)) & _TIMES]
    best = max(scored, default=(0, ""))
    return best[1] if best[0] else None


def _canonical(words: Iterable[str]) -> set[str]:
    """Words and their stems, those for one unit being one."""
    found = {form for word in words for form in (word, *stems(word))}
    return {_CANON.get(form, form) for form in found}


def described_by(words: Iterable[str], lexicon: Lexicon) -> tuple[str, int] | None:
    """The number that an adjective speaks of, and whether most of it is most (1) or least (-1): heaviest, fastest."""
    said = set(words)
    for measure, (sign, adjectives) in _ADJECTIVES.items():
        if said & set(adjectives.split()):
            wanted = "weight" if measure == "lightness" else measure
            near = attribute_near((wanted,), lexicon) or attribute_for(
                "length" if measure == "length" else "size", lexicon
            )
            return None if near is None else (near, sign)
    return None


def scale_of(words: Sequence[str], attribute: str, lexicon: Lexicon) -> float:
    """What a number is multiplied by: hours, where the catalog counts minutes."""
    said, own = _canonical(words), _canonical(_described(attribute, lexicon))
    is_long = max((v for v in lexicon.values[attribute] if isinstance(v, float | int)), default=0.0) > _MOST_HOURS
    if "hour" in said and "hour" not in own and ("minute" in own or is_long):
        return MINUTES_PER_HOUR
    return 1 / MINUTES_PER_HOUR if "minute" in said and "hour" in own else 1.0
