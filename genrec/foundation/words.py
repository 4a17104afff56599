"""Made-up names and titles, so that the tiny language model learns to copy words it has never seen.

Knows common English words and syllables. Knows nothing of the demo shop.
"""

import numpy as np

_COMMON = """
action album alpha amber american angel animal apple arrow artist autumn baby back band bath battle beach bean bear
beauty best big bird black blade blue body book bottle bowl box boy brave bread bridge bright broken brother brush
butter cabin cake call camera candle car care cat chain chance charm child chocolate city classic clean clear cloud
coat coffee cold comedy control cotton country cream cross crown cup dance dark daughter day days deep desert
diamond dinner doctor dog double dream dress drink dry earth east easy edge eight electric empire end escape evening
ever extra eye face fall family father feather field fine fire first fish five flame flower fly foam forest forever
four free fresh friend front full game garden gate gel ghost gift girl glow gold golden good grace grand great green
guide hair half hand happy hard harbor heart heat heavy hero hidden high hill home honey horse hot hour house hunter
ice inside iron island jacket journey jungle key kind king kit kitchen knight lady lake land large last late leaf
legend lemon letter life light line lion lip little living long lost lotion love lucky lunch machine magic man map
mark mask master men midnight milk million mini mirror mist model modern moment money moon more morning mother
mountain music mystery nail natural never new night nine north number ocean oil old one open original out over palm
paper park party path peace pearl people perfect perfume piano pink pirate planet play pocket point power prime
prince pro pure queen quick quiet race rain rainbow return rich ride right ring rise river road robot rock room rose
royal run running salt sand school sea season second secret serum seven shadow shampoo shine ship shirt shore short
show side silent silk silver simple sister six skin sky sleep slow small smart smoke snow soap soft solar song soul
sound south space special speed spirit spray spring square star station steel stone storm story strange street
strong style sugar summer sun super sweet table tale tea ten texas thief three thunder tiger time tiny top total
touch town toy train travel treasure tree true twelve twin two ultra under union up valley vanilla velvet vintage
violet vision volume voyage wall war warm watch water wave way west whale wheel white wild wind window wine winter
wish wolf woman women wonder wood word world yard year yellow young zero zone
"""
COMMON_WORDS: tuple[str, ...] = tuple(_COMMON.split())
LINKING_WORDS: tuple[str, ...] = ("of", "the", "and", "in", "for", "with", "a", "to", "at", "from", "on", "&")
_ONSET_TEXT = "b c d f g h j k l m n p r s t v w z bl br ch cl cr dr fl fr gl gr kn pl pr qu sc sh sk sl st th tr"
_VOWEL_TEXT = "a e i o u a e i o ai ea ee ia oo ou y"
_CODA_TEXT = "n r l s t m d k x ck nd ng ll ss st rt th ff"
_ONSETS, _VOWELS = tuple(_ONSET_TEXT.split()), tuple(_VOWEL_TEXT.split())
_CODAS = ("", "", "", *_CODA_TEXT.split())


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def made_up_name(rng: np.random.Generator) -> str:
    """A pronounceable word that means nothing, capitalized: Velmora, Stook, Grind."""
    syllables = (_pick(rng, _ONSETS) + _pick(rng, _VOWELS) + _pick(rng, _CODAS) for _ in range(int(rng.integers(1, 4))))
    return "".join(syllables).capitalize()


def made_up_title(rng: np.random.Generator) -> str:
    """A title of one to five words, seldom ten, that names nothing in the shop.

    Some have a number, a year, an article behind a comma, initials, a subtitle or a second title in parentheses.
    """
    title = _plain_title(rng)
    draw = rng.random()
    if draw < 0.08:
        title = f"{title}, {('The', 'A', 'An', 'Le', 'La', 'Das')[int(rng.integers(6))]}"
    elif draw < 0.14:
        title = f"{title}{(': ', ' - ', ', ', '; ')[int(rng.integers(4))]}{_plain_title(rng)}"
    elif draw < 0.2:
        title = f"{title} ({_plain_title(rng)})"
    elif draw < 0.25:
        initials = "".join(f"{chr(65 + int(rng.integers(26)))}." for _ in range(int(rng.integers(1, 4))))
        title = f"{initials} {title}"
    elif draw < 0.3:
        title = f"{title}{(chr(39) + 's', '!', '?', '...', ' Jr.')[int(rng.integers(5))]} {made_up_name(rng)}"
    elif draw < 0.34:
        title = f"{title} {('I', 'II', 'III', 'IV', 'V')[int(rng.integers(5))]}"
    draw = rng.random()
    if draw < 0.3:
        return f"{title} ({int(rng.integers(1920, 2027))})"
    return f"{title} {int(rng.integers(2, 500))}" if draw < 0.4 else title


def _plain_title(rng: np.random.Generator) -> str:
    words = []
    for position in range(int(rng.integers(1, 6 if rng.random() < 0.9 else 11))):
        draw = rng.random()
        if draw < 0.15 and position:
            words.append(_pick(rng, LINKING_WORDS))
        elif draw < 0.4:
            words.append(made_up_name(rng))
        else:
            words.append(_pick(rng, COMMON_WORDS).capitalize())
    title = " ".join(words)
    return title.lower() if rng.random() < 0.15 else title
