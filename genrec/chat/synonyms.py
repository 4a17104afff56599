"""Other English words for attributes and values, as people say them when they shop. Words alone, no logic.

Each counts only where the catalog has the attribute or value that it stands for, and no value of that very name.
"""

from collections.abc import Mapping

from genrec.claims.wording import Words


def _listed(text: str) -> Mapping[str, Words]:
    """One entry a line: what it stands for, a colon, and the words for it."""
    entries = (line.split(":") for line in text.strip().splitlines())
    return {meant.strip(): tuple(word.strip() for word in words.split(",")) for meant, words in entries}


NAME_SYNONYMS = _listed("""
color: colour, shade
colour: color, shade
price: cost, budget, price limit, price range, money
cost: price, budget
brand: maker, label, manufacturer, company
genre: kind of movie, kind of film
category: type, kind, product type
year: release year, release date, age
pattern: print
material: fabric
accent: detail, trim, touch, hint, splash, bit, second color, second colour, secondary color
""")
VALUE_SYNONYMS = _listed("""
gray: grey
grey: gray
wood: wooden, timber
wool: woolen, woollen, woolly
metal: metallic
ceramic: pottery
gold: golden
floral: flowers, flower, flowery, flowered
checked: checkered, chequered, plaid
dotted: polka dot, polka dots, spotted, spotty, dotty
zigzag: zig zag, chevron
striped: stripy, stripey
plain: solid, patternless, no pattern, without pattern, without a pattern, without any pattern, nothing patterned
multicolor: multicolour, colorful, colourful
minimal: minimalist, minimalistic
retro: vintage, old school, oldschool, old fashioned, mid century
rustic: country style, farmhouse
elegant: classy, posh, chic, sophisticated
playful: funky, whimsical, silly, quirky, fun, cheerful, goofy
cool: cold, colder
fabric: cloth, textile
mug: cup, cups, drink from, drink coffee from, drink tea from
chair: seat, sit on
lamp: lighting, lights, light source, light up, light for, light fixture, reading light, night light
shoe: footwear, for my feet
poster: wall art, hang on the wall, hang on my wall, something for the wall, something for my wall
vase: put flowers in
sneaker: trainer, trainers
handbag: purse, purses
backpack: rucksack, rucksacks, knapsack
pump: heels, high heels
boot: bootees, booties
purple: violet, lilac
teal: turquoise
blue: navy
comedy: comedies, funny
romance: romantic
animation: animated, cartoon, cartoons
children's: children, kids, childrens
sci-fi: scifi, science fiction
film-noir: noir
horror: scary
thriller: thrilling, suspense
musical: musicals
documentary: documentaries
crime: crimes
action: action packed
""")
# Words for one sort of what the value stands for: they mean the value, and go on describing what is wanted.
HYPONYMS = _listed("""
red: burgundy, crimson, scarlet, maroon, ruby, bordeaux, cherry red, wine red, vermilion
pink: magenta, fuchsia, blush, salmon, rose colored, rose coloured, hot pink
orange: coral, apricot, tangerine, peach, terracotta
yellow: mustard, lemon yellow, canary, amber
green: olive, emerald, mint, lime, sage, khaki, jade, pistachio
teal: aqua, aquamarine, cyan, petrol
blue: indigo, cobalt, azure, sky blue, royal blue, ultramarine, denim blue
purple: lavender, mauve, plum, aubergine, eggplant
brown: tan, beige, camel, taupe, hazel, mocha, chestnut, chocolate brown
gray: charcoal, anthracite, silver, slate, ash gray, ash grey
grey: charcoal, anthracite, silver, slate, ash gray, ash grey
white: ivory, cream, cream colored, cream coloured, off white, eggshell, snow white
black: ebony, jet black, pitch black
wood: oak, pine, walnut, beech, bamboo, teak, mahogany, birch, maple, rosewood, driftwood, hardwood, plywood
metal: steel, stainless steel, iron, wrought iron, cast iron, brass, copper, aluminium, aluminum, bronze, chrome, zinc
ceramic: porcelain, stoneware, earthenware, clay, faience, bone china
fabric: cotton, linen, canvas, velvet, denim, corduroy, satin, silk, upholstered
leather: suede, nubuck, patent leather
wool: cashmere, merino, tweed, knitted, knit
glass: crystal
paper: cardboard, papier mache
plastic: acrylic, vinyl, resin, perspex
checked: gingham, tartan, houndstooth
striped: pinstriped, pinstripe
floral: botanical
minimal: sleek, scandinavian, scandi, nordic, understated, simple
elegant: refined, graceful, glamorous
retro: sixties, seventies, eighties, 60s, 70s, 80s, nostalgic
rustic: cottage, shabby chic, weathered
pump: stiletto, court shoe, kitten heel
sneaker: running shoe, tennis shoe, runner
boot: ankle boot, wellies, chelsea boot
handbag: clutch, clutch bag
armchair: easy chair, lounge chair, recliner, wing chair
""")
