"""Closed classes of words, in the languages that messages are read in: again, and, he, on average, were shown.

These words have no synonyms to learn; what stands beside them is the reading model's to tell. Knows no catalog.
"""

import re
from collections.abc import Sequence

from genrec.data.labels.names import listed

_AGAIN_PHRASES = re.compile(
    r"\b(?:again|nochmals?|noch (?:ein)?mal|wieder|erneut|encore une fois|à nouveau|de nouveau|otra vez|de nuevo|"
    r"nuevamente|(?:go|come|get) back to|zurück zu|reven\w+ (?:à|aux?)|volv\w+ a)\b",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"\b(?:show(?:ed|n)|you had|earlier|before that|at the (?:start|beginning)|gezeigt|vorhin|zuvor|am anfang|"
    r"montrée?s?|tout à l'heure|au début|mostr(?:aste|ado|ada|ados|adas|ó)|al principio)\b",
    re.IGNORECASE,
)
_MEAN = re.compile(
    r"\b(?:average|typical(?:ly)?|durchschnitt\w*|im schnitt|en moyenne|moyenne?|promedio|(?:de|en) media)\b",
    re.IGNORECASE,
)
_GOING_ON = re.compile(
    r"^\W*(?:ok(?:ay)?,? )?(?:and|und|et|y|now|jetzt|maintenant|ahora|what about|how about|wie wär's mit)\b",
    re.IGNORECASE,
)
_WHY = re.compile(r"\b(?:why|how come|warum|wieso|weshalb|pourquoi|por qué)\b", re.IGNORECASE)
_HOW_MANY = re.compile(r"\b(?:how (?:many|much)|wie ?viele?|combien|cu[aá]nt[oa]s?)\b", re.IGNORECASE)
_STOCK = re.compile(
    r"(?<!the )(?<!on )\bleft\b(?![- ](?:hand|side))|\b(?:(?:in|out of|much) stock|many more|remain(?:s|ing)?|sold out|"
    r"available|still (?:have|got|there)|übrig|auf lager|vorrätig|verfügbar|lieferbar|ausverkauft|noch da|"
    r"(?:en|de) stock|reste(?:nt)?|restante?s?|disponibles?|épuisée?s?|quedan?|agotad[oa]s?|existencias)\b",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"\b(?:in total|in all|altogether|overall|whole|entire|catalog(?:ue)?|insgesamt|katalog|en tout|au total|catálogo|"
    r"en total)\b",
    re.IGNORECASE,
)
_SELLER = re.compile(
    r"\b(?:you|u|here|store|shop|there|ihr|sie|hier|laden|vous|ici|magasin|tienes|teneis|tenéis|hay|aquí|tienda)\b",
    re.IGNORECASE,
)
# How many somebody has seen, bought or liked, which no catalog tells.
OWN_COUNT = re.compile(
    rf"{_HOW_MANY.pattern}[^,;.!?]*\b(?:(?:have|did|had) (?:i|we)|did you show|hab\w* (?:ich|wir)|ai-je|avons-nous|"
    r"j'(?:en )?ai|(?:he|hemos) \w+[dst]o|tengo|tenemos)\b",
    re.IGNORECASE,
)
# Words of a count that say nothing of what is counted, as they are compared, beside the commonest and those for things.
COUNTING = listed(
    """total altogether overall whole entire catalog catalogue assortment selection range shop store database collection
    number count counting amount exactly roughly approximately result results find found match matches matching fit fits
    did we tell know they them these those available offer sell stock carry choose here list your in insgesamt katalog
    sortiment laden wieviel wieviele zahl anzahl treffer gefunden davon genau ungefahr etwa fuhrt hier dann denn
    uberhaupt t nombre resultat resultats trouve trouves trouvees magasin tous toutes exactement environ numero cantidad
    cuantas resultados encontrado encontrados tienda catalogo aproximadamente tienes teneis encontraste"""
)
_NEGATIONS = listed(
    """without no not non except excluding minus ohne nicht kein keine keinen keiner keines ausser sans pas sauf hors
    sin excepto salvo menos"""
)
LEAST = listed("least lowest fewest oldest cheapest shortest smallest earliest quickest fastest")
MOST = listed("most highest newest latest longest biggest largest dearest priciest")
_EXCESS = listed("too zu trop demasiado")
_PERSON = re.compile(
    r"\b(?:by|with|from|von|mit|de|par|avec|por|con) (?:him|her|them|ihm|ihr|ihnen|lui|elle|eux|él|ella|ellos)\b|"
    r"\bof (?:his|hers|theirs)\b",
    re.IGNORECASE,
)
_ELSE = re.compile(r"\b(?:else|other|others|more|sonst|noch|andere[sn]?|autres?|plus|más|otr[oa]s?)\b", re.IGNORECASE)
_WHAT = re.compile(r"\b(?:what|which|anything|something|any|was|welche[sn]?|quoi|quels?|qu[eé]|algo)\b", re.IGNORECASE)
PRONOUNS = listed(
    "i me my you your he him his she her hers it its we us our they them their theirs er ihm ihn sein sie ihr ihre uns "
    "il elle lui eux leur nous vous el ella ellos ellas nosotros"
)
_SUBJECT = re.compile(r"\b(?:he|she|they|er|sie|il|elle|ils|elles|él|ella|ellos)\b", re.IGNORECASE)
JOINTS = re.compile(r"\b(?:and|und|et|y|e|plus|sowie)\b|[,;&+]", re.IGNORECASE)
ALTERNATIVES = listed("or oder ou o either entweder")
ARTICLES = listed(
    """a an one some another two three several ein eine einen einem einer zwei drei paar un une des deux trois unos unas
    una dos tres el la los las the"""
)


def says_again(text: str) -> bool:
    """Whether what was shown before is asked for once more."""
    return _AGAIN_PHRASES.search(text) is not None


def speaks_of_shown(text: str) -> bool:
    """Whether it speaks of what was shown, whenever that was."""
    return _SHOWN.search(text) is not None


def asks_for_mean(text: str) -> bool:
    """Whether an average is asked for."""
    return _MEAN.search(text) is not None


def asks_why(text: str) -> bool:
    """Whether a reason is asked for."""
    return _WHY.search(text) is not None


def means_a_person(text: str, *, tells_making: bool) -> bool:
    """Whether it speaks of somebody without a name: by him, what else has she directed.

    tells_making: whether it speaks of making or playing, of which a pronoun is who does it.
    """
    asks_on = _ELSE.search(text) is not None and _WHAT.search(text) is not None
    return _PERSON.search(text) is not None or ((tells_making or asks_on) and _SUBJECT.search(text) is not None)


def goes_on(text: str) -> bool:
    """Whether a message begins as one that goes on from what was said: and the second? what about blue?"""
    return _GOING_ON.search(text) is not None


def asks_how_many(text: str) -> bool:
    """Whether a number of things is asked for, or how much of something."""
    return _HOW_MANY.search(text) is not None


def stock_words(text: str) -> list[tuple[int, int]]:
    """Where it says that something is left, or can be had."""
    return [match.span() for match in _STOCK.finditer(text)]


def means_all(text: str) -> bool:
    """Whether it speaks of all there is, whatever was wished."""
    return _TOTAL.search(text) is not None


def asks_seller(text: str) -> bool:
    """Whether it asks what somebody has at all: which brands do you carry? what is there?"""
    return _SELLER.search(text) is not None


def is_excess(before: Sequence[str]) -> bool:
    """Whether words say that there is too much of what stands behind them. before: as they are compared."""
    return bool(before) and before[-1] in _EXCESS


def is_denied(before: Sequence[str]) -> bool:
    """Whether words deny what stands behind them: without a, not. before: as they are compared."""
    said = [word for word in before if word not in ARTICLES]
    return bool(said) and (said[-1] in _NEGATIONS or said[-1].endswith("n't"))
