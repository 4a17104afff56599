"""Single words of everyday English that are told apart: what negates, what fills, what is polite. No logic.

Knows no catalog; runs of words are in phrases.
"""

_BESIDE_GREETING_TEXT = """
hi hello hey hiya howdy yo greetings good morning day afternoon evening there all everyone everybody guys folks team
dear assistant again you to mate friend friends people shop bot robot sir madam lovely nice a the and
"""
BESIDE_GREETING = frozenset(_BESIDE_GREETING_TEXT.split())
# Thanks, praise and goodbyes: messages of such words alone, one of the first kind among them.
_COURTESY_TEXT = """
thanks thank thx thnx ta bye goodbye great perfect cool nice ok okay awesome wonderful lovely brilliant excellent super
quick fast neat handy fantastic amazing good kind helpful sweet star angel genius legend lifesaver funny clever smart
best shame pity appreciate appreciated wow haha welcome bad worries job work done cheers all everything
"""
COURTESY = frozenset(_COURTESY_TEXT.split())
_BESIDE_TEXT = """
a an the so very really much too you your you're are that that's thats the it's at this i'm my for of to and but oh well
ever indeed dear again now then later soon lot lots bunch million ton heaps loads help list shop store what have got day
evening night morning weekend mate man buddy dude friend folks anyway yes yeah never mind just some ha lol aw see ya
care take was is had understand understood makes sense you've been i've we got it i no not half be keep up
"""
BESIDE_COURTESY = COURTESY | frozenset(_BESIDE_TEXT.split())
_NEGATORS = """
not no without except avoid never neither nor minus hate hates dislike dislikes detest detests
excluding nothing isn't aren't don't doesn't can't
mustn't shouldn't won't wouldn't weren't wasn't hated
"""
NEGATORS = frozenset(_NEGATORS.split())
# These turn down all that a list names: "I hate stripes, metal and glass".
LOATHED = frozenset({"hate", "hates", "hated", "dislike", "dislikes", "detest", "detests"})
SCORN = frozenset(["dull", "boring", "ugly", "awful", "horrible", "hideous", "tacky", "kitschy", "overdone"])
PLACES = frozenset(["for", "on", "beside", "near", "above", "behind"])  # "for the dining table" is no wish for a table
ARTICLES = frozenset(["a", "an", "any", "some"])
_AFTER_NOUNS = """
. , ; : ! ? for with in under by that which to please and or from at around about on below over up here maybe too as
like today now not but then instead
"""
AFTER_NOUNS = frozenset(_AFTER_NOUNS.split())
# Things by themselves, which as values only tell where another thing stands: "a table" is no table lamp.
STANDS = frozenset(["table", "tables", "desk", "desks", "floor", "floors", "wall", "walls"])
OWNERS = frozenset(["my", "our", "his", "her", "their"])
# Between a negator and the value it turns down.
_PASSED = """
a an the in any of out too so by from made with want like need be to it is one ones something anything really very
please that this i do does into on for have see get show me another more much many such kind kinds sort sorts look
looks used been being were if at all these those them their
"""
PASSED_BY_NEGATION = frozenset(_PASSED.split())
_FILLER = """
a able about absolutely actually adore adored adores after again ago ah all also altogether am among amongst an and
anniversary another any anything anyway apart april are aren't around as at august aunt auntie available avoid
basically be beautiful because been before begin believe best bestseller bestsellers bet between birthday bit boss
both bought boyfriend bring brother but buy by can can't choice choices choose chose colleague colleagues collect
collects color colored colors coloured come complements completely cost costing costs could cousin dad daughter deal
deals december definitely did die different discount discounts dislike do does doesn't doing don't draw drawing draws
each earlier earliest either else enough entirely even evening ever everything exactly example except family father
favorite favorites favourite february feel fifth film films find fine first fit fits flatmate for forget fourth friday
friend friends from fuss get gift girlfriend give go goes going good got gran granddaughter grandma grandpa grandson
great greetings guess guy guys had haha has hate hates have having he he's hello help her here hers hey hi him his hit
hiya hmm honestly hopefully hoping how how'd howdy hubby husband i i'd i'll i'm i've idea ideally ideas if image in
inspiration inspire instead interested into is isn't it it's item items its january july june just keep keeps kid kind
kinda know last lately latest law laws least less let let's like likes little lol look looking looks lot love loved
lovely loves made make many march match matched matches matching mate may maybe me mean middle might mind mine mom
monday month months mood more morning most mostly mother movie movies much mum must my myself nah need needs neighbor
neighbour neither nephew never new newest next nice niece no nope nor normally not nothing november now obviously
october of off offer offers oh ok okay old oldest omg on one ones only option options or other others our out over own
paint pair pairing pairs parents people perfect perhaps photo pick picks picture pictures planning please popular
possible precise precisely prefer preferably present previous price priced probably product products purchase put
quite rated rather really recently recommend recommendation recommendations render resembles resembling right roommate
sale same saturday say says search searching second see seen select sell september shall she she's should show showed
shown similar similarly simply sister sketch so some somebody someone something somewhat son sorry sort spend spending
spirit start still stuff such suggest suggestion suggestions suit suiting suits sunday sure surprise take tell than
thank thanks that that's the their them then there these they they're they've thing things think thinking third this
those though thought thoughts thursday tip tips to today together tomorrow tone tones tonight too top total totally
try trying tuesday two type umm uncle under undo up us use used usually very visualise visualize wait want wants was
watch way we we're we've wednesday week weekend weeks well went what what's when where which while who why wife will
wish with without wondering works would wow yeah yep yes yesterday yet you you've your
"""
FILLER = frozenset(_FILLER.split())
