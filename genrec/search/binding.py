"""Words that name nothing by themselves: of place, of binding, and what people say around a thing.

As `fold` has them, in the languages that requests come in. Knows no catalog.
"""

from genrec.search.words import fold

_PLACES = (
    "on onto over across around amid among under underneath beneath beside besides next near against above behind "
    "below atop inside outside hanging standing lying auf unter neben vor hinter über ueber am im sur sous devant "
    "derrière près contre sobre bajo junto ante encima debajo cerca dentro"
)
_BINDING = (
    "in at with by for from to into of and against mit bei für von aus an dans avec pour par chez en con para por"
)
# What people say around a thing: articles and pronouns, and that they would like to see a picture.
_SAID_AROUND = (
    "a an the this that these those my our your his her their its it some any one i we you me us please show "
    "draw paint make put see let give can could would will like want is are be how what do does looks look so "
    "very just only more or front hung und oder et ou y o der die das den dem des ein eine einen einem einer "
    "mein meine meinem meinen meiner dieser diese dieses bitte zeig zeige zeichne mal male mir ich wir es "
    "möchte un une le la les l d du ce cette mon ma mes moi je nous montre dessine uno una unos unas el los las "
    "del mi mis este esta muestra muéstrame dibuja yo por favor quiero"
)
# … and what sets a wish apart from what is shown: "the same, but in red".
_COMPARING = (
    "same similar like alike such as but though except instead rather otherwise else different version variant ones "
    "gleich gleiche gleichen gleicher gleiches selbe selben ähnlich ähnliche wie so nur aber doch statt anders "
    "même mêmes pareil pareille pareils comme mais sauf autrement plutôt "
    "mismo misma mismos mismas igual iguales parecido parecida como pero salvo sino"
)
_SAID_OF_PICTURES = "picture photo image drawing view bild foto imagen"
PLACE_WORDS, BINDING_WORDS, _AROUND, _PICTURES = (
    frozenset(map(fold, text.split())) for text in (_PLACES, _BINDING, _SAID_AROUND, _SAID_OF_PICTURES)
)
NAMING_NOTHING = PLACE_WORDS | BINDING_WORDS | _AROUND
IDLE = NAMING_NOTHING | _PICTURES  # in what is asked to be drawn
BESIDE_A_PICTURE = IDLE | frozenset(map(fold, _COMPARING.split()))  # in what is said of a picture that is shown
