"""The everyday English of asking: what marks a wish, a judgement, a question. Words alone, no logic.

Each constant is a list of alternatives, a line each; a space matches any white space. Knows no catalog.
"""

import re


def said(forms: str, *, start: str = r"\b", end: str = r"\b") -> re.Pattern[str]:
    """A pattern for any of the forms, one a line, as whole words."""
    lines = [line.strip() for line in forms.strip().splitlines()]
    return re.compile(f"{start}(?:{'|'.join(lines)}){end}".replace(" ", r"\s+"))


FOCUS_WORDS = "(?:that|this|(?:the )?same|these|those|its)"
OTHER_WORDS = rf"""
another|a different|different|some other|any other|other
(?:not|no|anything but|except|without|but not)(?: from| by| in)? {FOCUS_WORDS}
"""
POLITE = re.compile(r"\bwould\s+(?:really\s+)?(?:like|love)\b(?!\s+it\b)|(?<=\bi'd)\s+(?:like|love)\b")

# "NAMES" stands for the catalog's attribute names.
TAKE_BACK = (
    r"(?<!without\x20)(?<!no\x20)(?:any|whatever|whichever|every|all) (NAMES)\b(?! (?:but|except|other|besides|at all))"
    r"(?: (?:(?:is|are|will|would) )?(?:(?:also|perfectly|totally) )?(?:fine|ok|okay|good|great|do|works?))?",
    r"(?:forget|drop|ignore|remove|skip|never ?mind|nevermind|lose|scrap|cancel|lift|clear)(?: about)?"
    r"(?: the| that| my| any)? (NAMES)\b(?: (?:limit|filter|range|constraint|wish))?",
    r"(NAMES)(?: limit)?(?: it)? (?:doesn't|does not|don't|do not|isn't|is not)(?: really| that| so| very| too)? "
    r"(?:matter|important|a concern|an issue)",
    r"(NAMES) (?:can|may|could) be (?:whatever|anything|any)",
    r"(NAMES) (?:is|are) (?:up to you|open|irrelevant|not important|no issue|no object)",
    r"(?:don't|do not|doesn't)(?: really)? (?:care|mind)(?: about| for)?(?: the| which| what)? (NAMES)\b",
    r"(?:no|without|without a|without any) (NAMES) (?:limit|range|preference|constraint|filter)",
    r"(?:anything|whatever)(?: (?:goes|is fine|will do|works|is ok(?:ay)?))?,? (?:for|as for|with|on|as to|in terms of"
    r"|when it comes to)(?: the)? (NAMES)\b",
    r"(?:for|as for|with|on|as to|in terms of|when it comes to)(?: the)? (NAMES),? (?:i(?:'m| am)? )?"
    r"(?:anything|whatever|any|flexible|easy|open|don't mind|don't care|have no preference)"
    r"(?: (?:goes|is fine|will do|works))?",
    r"(?:i (?:have|'ve) )?(?:(?:got )?no|without)(?: (?:particular|special|strong|real))? preferences?"
    r" (?:for|on|about|in|of|as to|regarding)(?: the)? (NAMES)\b",
)
UNDO = re.compile(
    r"\b(?:(?:forget|drop|ignore|never\s*mind|scrap|skip|lose|ditch|cancel)\s+(?:about\s+)?(?:the\s+|that\s+)?"
    r"|(?:(?:doesn't|does\s+not|don't|do\s+not|not)\s+(?:have\s+to\s+be|need\s+to\s+be)|needn't\s+be|need\s+not\s+be)\s+)"
    r"([^\W\d_]+(?:\s+[^\W\d_]+)?)"
)
UNDO_OR_AVOID = said("skip|lose|ditch|drop")  # of what was not wished, it turns down
SAME_MAKER = said(r"""
(?:whoever|the (?:people|ones|guys|company) who) makes?
(?:by|from) the same (?:maker|people)|(?:do|does) (?:they|he|she) (?:also |even )?(?:make|produce)
""")
FREE_MONEY = said(r"""
(?:the |my )?(?:price |money )?limit(?: is|'s) (?:gone|off|lifted|no more)
money(?: is|'s) (?:no|not(?: a)?) \w+|money (?:doesn't|does not) \w+
""")
UNDO_LAST = said(
    r"""
undo(?: (?:that|it|this|my last|the last \w+))?|go back(?: (?:one|a) step)?|take that back|scratch that
(?:forget|ignore|undo|scratch|take back) the last (?:thing|wish|message|one|request|bit)(?: i (?:said|asked|wrote))?
(?:forget|ignore|undo|scratch|take back) what i (?:just )?(?:said|asked|wrote|typed)
""",
    start=r"^\W*(?:(?:no|sorry|actually|oops|ok|wait|please)\W+)*",
    end=r"(?:\W+(?:please|sorry))?\W*$",
)
# "The most expensive thing you sell": what was wished before does not count.
OF_WHOLE_SHOP = said("(?:things?|items?|products?|articles?|pieces?) (?:that )?(?:you|in (?:the|your|this))")
IN_ORDER = said("(?:ones?|things?|items?|expensive|dearest|priciest|cheapest) first|(?:sort|order|rank)(?:ed|ing)?")
RESET = said("""
start(?:ing)? (?:over|again|afresh|anew|from (?:zero|scratch|the beginning))|reset|clear (?:all|everything)
no preferences?|scrap (?:everything|it all|all(?: of)?(?: (?:it|that|this))?)
(?:forget|drop|remove|ignore) (?:everything|all filters|my wishes|the filters)
(?:forget|drop|remove|ignore) all(?: of)?(?: (?:that|it|this|my|the)(?: \\w+)?)?
anything (?:goes|is fine|will do|works)
""")

_NOT_THAN_AMOUNT = r"\b(?! than [$€£\d])"
_VERY = "(?:so|too|very|quite|rather|pretty|really|a (?:bit|little))"
_BEING = "(?:is|are|'s|'re|seems?|looks?|find(?: (?:them|it|these|those))?)"
CHEAPER = said("""
(?:(?:not|\\w+n't) (?:so|as|that|very)|less|(?<!be\\x20)(?<!not\\x20)too) (?:expensive|pricey|costly|dear)
too much money|(?:that's|it's|is|costs?) too much
(?<!that\\x20)(?<!which\\x20)BE (?:all |both |just |really )*VERY(?: too)? (?:expensive|pricey|costly|dear|steep)
cheaper|(?:for|costs?|costing|at) less|(?:lower|smaller|better)(?: in)? price[ds]?|less money
more affordable|spend less
""".replace("BE", _BEING).replace("VERY", _VERY), end=_NOT_THAN_AMOUNT)  # fmt: skip
DEARER = said("""
more expensive|pricier|dearer|costlier|(?:bit )?fancier|more (?:luxurious|upscale|premium)|too cheap
higher(?: in)? price[ds]?|can (?:pay|spend|afford) (?:a (?:bit|little) |some )?more|i'll pay more|less cheap
""", end=_NOT_THAN_AMOUNT)  # fmt: skip
SLIGHTLY = said("a (?:bit|little|touch)|slightly|somewhat")
NEWER = said("newer|more recent|more modern|too old|not (?:so|that|as) old")
OLDER = said("older|more classic|too (?:new|recent|modern)|not (?:so|that) (?:new|recent)")
# Of what no catalog here tells.
SIZES = said("(?:in )?size \\w+|bigger|larger|smaller|tinier|taller|wider|heavier|longer|shorter|thinner|thicker")
# Where these are said, what is strung together by "and" is not wished for.
NOT_SEVERAL_WISHES = said(r"""
how many|which|compare|difference|versus|vs|than|already|(?:go(?:es)?|went) (?:well )?with|match(?:es)?|my|is|are
(?:i|we) (?:have|own|got)|(?:i've|we've) got|(?:i|we) (?:\w+ly |just |already )?(?:bought|chose|liked?|loved?|hated?)
""")
NEXT = said(
    r"(?:now )?(?:the )?next(?: one| thing)?",
    start=r"^\W*(?:(?:ok|okay|and|great|thanks)\W+)*",
    end=r"\W*(?:please)?\W*$",
)
# Whatever comes is welcome.
OPEN = said(
    r"""
(?:just )?surprise me(?: with (?:something|anything))?|(?:you|u) (?:choose|decide|pick)
(?:it's )?up to you|your (?:call|choice)
(?:(?:just )?(?:show|give) me )?(?:anything|whatever)(?: (?:you \w+|goes|works|will do|is fine|really|at all))*
(?:i |we )?(?:really )?(?:don't|do not) (?:mind|care)|no (?:particular |special |strong |real )?preferences?
(?:(?:what's|whats|what is|show me) )?(?:the )?(?:most )?(?:popular|trending|best\s*sell(?:ers?|ing))(?: THINGS)?
nothing (?:special|particular|specific|in particular)|i'm (?:easy|open|flexible)(?: to anything)?|everything
""".replace("THINGS", "(?:stuff|things?|items?|ones?|picks?)"),
    start=r"^\W*(?:(?:h+m+|oh|ok|okay|well|no|nah|idk|i guess|honestly|just|really)\W+)*",
    end=r"(?:\W+please)?\W*$",
)
# What was shown, or asked, is turned down in a word.
DECLINED = said(
    r"""
(?:no(?:pe)?|nah|naw|meh+|ugh+|e+h+|bah|(?:even |much )?worse
not (?:really|quite|exactly|convinced|great|good)|sorry|still|h+m+|oh)
""",
    start=r"^\W*(?=.*\b(?:no(?:pe)?|nah|naw|meh+|ugh+|e+h+|bah|worse|not)\b)(?:",
    end=r"\b\W*)+$",
)
# How old somebody is tells nothing of items.
AGED = said(
    r"(?:she|he|they)(?:'s|'re| is| are|'ll be| will be)(?: (?:only|just|about|almost|nearly|turning))* \d{1,2}"
    r"(?: years?(?: old)?)?(?=\s*(?:$|[.,;!?]|and\b|but\b|so\b))"
)
# "Is cool", said of something, is praise and no color.
PRAISED = re.compile(r"(?:\b(?:is|are|sounds?|looks?)|'s)\s+cool\b(?=\s*(?:[,.;!]|but\b|and\b|$))")
CHEAP = said(r"""
(?:as )?cheap as chips|cheap(?:est|o)?|inexpensive|affordable|low[\s-]?budget|low[\s-]?cost
(?:least|not|\w+n't)(?: too| very)? (?:expensive|pricey)
(?:mustn't|shouldn't|can't|cannot|not) (?:be|cost) (?:too |that |so |very )?(?:expensive|pricey|dear|much)
(?:on a )?(?:tight|small|shoestring|student) budget
(?:only|always|just) (?:show|have|got|offer|sell)(?:ing)?(?: me)? (?:such |very |the )?(?:expensive|pricey|costly)
(?:lowest|best) price[ds]?|bargains?|(?<!my\x20)(?<!a\x20)(?<!the\x20)budget(?!'s| (?:is|of|:|\d))
""")
DEAR = said(r"(?:most )?expensive|pricie?st|luxury|luxurious|high[\s-]?end|premium|upscale")
NOT_NEEDED = said(
    r"(?:(?:doesn't|does not|don't|do not|not)(?: have to| needs? to)|needn't|need not) be"
    r" (?:too |that |so )?(?:cheap|expensive)"
)

# What is at home already and what it looks like: no wish, unless the catalog has such things.
SURROUNDINGS = re.compile(
    r"\b(?:(?:my|our|the|their|her|his)\s+(?:\w+\s+)?)?(walls?|rooms?|sofa|couch|kitchen|bath(?:room)?|bedroom"
    r"|hall(?:way)?|office|floor|carpet|rug|curtains|house|flat|apartment|garden|furniture|dress|suit|car)"
    r"\s+(?:is|are|looks?|seems?|feels?)\s+[^,.;!?]*?"
    r"(?=[,.;!?]|\s+(?:so|but|and\s+(?:i|we|it|so|need|want|now)|need|want|looking)\b|$)"
)
# "My boots fell apart, I need new ones": boots are wanted. What holds flowers is not flowery.
WORN_OUT = re.compile(
    r"\b(?:my|our)\s+(?:[^\W\d_]+\s+){0,2}?([^\W\d_]+)\s+(?:(?:just|finally|has|have|had|recently|all|got|is|are|was|were)\s+)*"
    r"(?:broken?|fell\s+apart|fall(?:ing|en)\s+apart|died|dead|worn\s+out|wore\s+out|lost|stolen|ruined|ripped|torn?|smashed"
    r"|shattered|cracked|gave\s+(?:up|out)|given\s+up|had\s+it|on\s+(?:its|their)\s+last\s+legs)\b[^?]*?"
    r"(?P<new>\b(?:a\s+|some\s+)?(?:new|another|replacement)\s+(?:ones?|pair)\b|\banother\b(?!\s+\w)|\b(?:a\s+)?replacements?\b)"
)
PATTERNED = said(
    "(?<!not\\x20)(?<!no\\x20)(?<!n't\\x20)(?:patterned|printed)"
    "|with (?:a|some|any)(?: nice| bold| fun| pretty| cool)? (?:patterns?|prints?)(?: on (?:it|them))?"
)
PLAINER = said(
    "(?:less|too|(?:not|\\w+n't) (?:so|that|as|too)) (?:busy|patterned|loud|fussy)"
    "|simpler|plainer|more (?:plain|simple)"
)
HELD = said(r"(?:(?<!care\x20)for|hold|put|display|bunch of|bouquet of)(?: \w+){0,2} (?:flowers?|blossoms?)")
EXPLAIN = said("why(?! not)|how come|explain|what ma(?:kes|de) you|for what reason|what's the reason")
# Asks for advice among what was shown, and for help where nothing was.
_OF_THESE = r"(?: (?:of|among|from) (?:them|these|those|the (?:\w+ )?\w+))?"
ADVISE = said(r"""
(?:which|what)(?: one)?OF_THESE (?:would|do|should|shall|can|could) (?:you|i|we) (?:\w+ly )?TAKE
(?:which|what)(?:'s| is) your (?:\w+ )?(?:favou?rite|pick|choice|recommendation|advice|suggestion)
(?:which(?: one)?|what)(?:'s| is) (?:the )?(?:best|better)(?: (?:one|choice|option|pick))?OF_THESE
which (?:one )?(?:has|have|is|looks?)(?: (?:a|the))? (?:better|best|nicer|nicest|prettier|prettiest)(?: \w+)?
(?:i |we )?(?:can't|cannot|can not) (?:decide|choose|make up my mind)|(?:help me|you) (?:choose|decide|pick)(?: one)?
""".replace("TAKE", "(?:recommend|suggest|pick|choose|take|prefer|get|buy|go (?:for|with)|advise)").replace(
    "OF_THESE", _OF_THESE
), end=rf"\W*(?:(?:for (?:me|us)|then|please)\W*)*{_OF_THESE}\W*$")  # fmt: skip
UNSURE = said(r"""
(?:i'm |i am |we're )?(?:not (?:really |quite |so |very )?sure|undecided|unsure)(?: yet| what i want)?
(?:i |we )?(?:(?:really )?(?:don't|do not) (?:really )?know|dunno)(?: yet| what(?: i want| to \w+))?
no (?:idea|clue)(?: yet| really)?
""", start=r"^\W*(?:(?:h+m+|u+h*m*|well|oh|ok)\W+)*", end=r"\W*$")  # fmt: skip
_THEM = r"it|they|that|this|the \w+(?: one)?|(?:number )?\d+"
HOW_IT_LOOKS = said(
    """
what (?:it|they|that|this) looks? like
how(?:'d|'s| would| will| could| does| do| might)? (?:THEM) (?:would |will |could |might )?looks?
what (?:would|will|does|do|could) (?:THEM) looks? like
what (?:THEM) (?:would|will|could|might) looks? like
""".replace("THEM", _THEM)
)
SHOW = said(
    """
draw|visuali[sz]e|picture|pics?|photo|image|sketch|render|paint|want to see
(?:possible|able|like|want|love) to see (?:it|that|this|the|number)
(?:can|could|may|let) (?:i|me|you) (?:show me|see|have a look)|show me (?:it|that|this)
"""
)
SHOW_FIRST = said("show (?:me|it|them|that|this)", start=r"^\W*(?:please )?")
MORE = said("""
more|others?|another|different|something else|anything else|what else|next|new ones|again|alternatives?
""")
SHOWN_BEFORE = said(
    r"(?:you(?:'ve| have)?(?: already| just)* (?:showed|shown)(?: me)?|i(?:'ve| have)? (?:already |just )*(?:seen|saw))"
    r"(?: all)?(?: of)? (?:these|those|them|it|that|this|the same)(?: (?:ones?|already|before|all))*"
)
COMPARE = said(
    "compare[ds]?|comparison|differences?|differ|what(?:'s| is) different|versus|vs"
    "|which (?:one )?is (?:better|nicer|cheaper)"
)
DESCRIBE = said("""
(?:tell|say) me (?:more |something )?about|more (?:info|information|details?|about)|details|describe|who (?:makes|made)
what do you know (?:about|of)
what(?: is|'s| are) (?:it|they|that|this|the \\w+(?: one)?) made of
what(?: is|'s| are) (?:it|they|that|this|the \\w+(?: one)?|number \\w+) like
""")
# "Isn't it red?" asks what "is it red?" asks.
NEGATED_QUESTION = re.compile(
    r"(^\W*(?:(?:and|so|but)\W+)?)(is|are|does|do|has|have|was|were)n't\s+(?=(?:it|this|that|they|these|those|the|any)\b)"
)
_FEW = "two|three|four|five|six|seven|eight|nine|ten|[2-9]|10"
LIMIT = said(
    rf"""
(?:show|give|find|suggest|recommend)(?: me)? (?:just |only )?(?P<bare>{_FEW})(?= (?!NO_NOUN\b)[^\W\d_])
(?P<first>{_FEW}) (?:cheapest|dearest|priciest|newest|oldest|(?:least|most) (?:expensive|costly|recent))
(?P<offered>{_FEW}) (?:different |good |other |more )?(?:options?|ideas?|suggestions?|examples?|choices|alternatives)
^\W*(?:only|just) (?P<mere>{_FEW})(?=(?: (?:please|then|of (?:them|these|those)))?\W*$)
""".replace("NO_NOUN", "(?:and|or|please|in|again|with|but|too|now|of|as|for|from|then|looks?|would|will|is)")
)
REPEATS = said("again|(?:show(?: me)?|list|see) all|same (?:list|ones|items)|show (?:them|those|these) again|back to")
GREETING = said(
    r"hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|day|afternoon|evening)"
    r"|(?:morning|evening|afternoon)(?=\W*(?:$|all\b|everyone\b|there\b))",
    start=r"^\W*",
)
_BESIDE_GREETING_TEXT = """
hi hello hey hiya howdy yo greetings good morning day afternoon evening there all everyone everybody guys folks team
dear assistant again you to mate friend friends people shop bot robot sir madam lovely nice a the and
"""
BESIDE_GREETING = frozenset(_BESIDE_GREETING_TEXT.split())
WELL_WISHED = re.compile(
    r"\b(?:i\s+)?hope\s+[^.!?]{0,40}|\bhow(?:\s+are|'s)\s+(?:you|it|things|everyone)\b[^.!?]{0,20}"
)
NEWCOMER = said(
    r"(?:i'm|i am|we're) (?:new|a newbie)(?: here| to this)?|(?:my )?first (?:time|visit)(?: here)?|never been here"
)
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
DISPRAISE = said(
    "not(?: very| so| too| really| that)? (?!bad)\\w+|no good|too (?:bad|much)|i (?:like|love)|the \\w+ is|it is"
)
INTERJECTIONS = re.compile(
    r"^(?:(?:cool|nice|great|perfect|fine|lovely|awesome|thanks|hmm+|umm*|well|ok|okay|wow|lol|haha)\s*[,.!…]+\s*|o+h+\s+)+"
)
HELP_WITH_THIS = said("how (?:does|do) (?:it|this|that|you|i|we)(?: \\w+){0,2} (?:work|use (?:it|this|that))")
HELP = said(
    r"(?:help|\?|what can (?:you|i) (?:do|ask|say|help)|how does this (?:\w+ ){0,2}work)(?!\w).*",
    start=r"^\W*",
    end="$",
)
_KNOWN_OF_ONE = (
    "(?:wish(?:es)?|filters?|likes?|dislikes?|preferences?|choices|taste|history|requests?|favou?rites|constraints?)"
)
_DID = (
    "(?:say|said|tell you|told you|ask(?:ed)?(?: for)?|wish(?:ed)? for|(?:dis)?liked?|choose|chosen?|pick(?:ed)?"
    "|buy|bought|refused?|want(?:ed)?|rule(?:d)? out|ask(?:ed)? (?:you )?(?:for|to avoid|to leave out|not to show)"
    "|told? you to avoid)"
)
RECALL = said(rf"""
(?:remind me |tell me )?what (?:(?:did|have|had) i|i(?:'ve| have)?) (?:just |already )?{_DID}
what (?:do|did) you (?:think you )?(?:know|remember|have)(?: (?:about|of|on))? (?:me|us|my {_KNOWN_OF_ONE})
do you (?:still |even )?(?:know|remember) (?:me|anything about me|my {_KNOWN_OF_ONE})
do you (?:still |even )?(?:know|remember) what i (?:liked?|want(?:ed)?|said|asked(?: for)?)
(?:what(?:'s| is| are| were)|which are) my (?:current |past )?{_KNOWN_OF_ONE}
(?:show me|list|tell me|repeat|remind me of|recap) my (?:current |past )?{_KNOWN_OF_ONE}
(?:which|what) filters (?:are|do i have)(?: (?:on|set|active|in force))?
recap|summari[sz]e(?: (?:that|this|it|my \w+))?|sum up
""", start=r"^\W*(?:(?:and|so far|so|ok|now|then|please|can you|could you|hey|remind me|tell me)\W+)*", end=(
    r"(?:\W+(?:so far|in the end|until now|up to now|by now|now|before|already|again|earlier|here|please|in the past))*"
    r"(?:\W*$|\?\s*i\b.*$)"
))  # fmt: skip
WELL_LIKED = said("""
(?:what's|what is) (?:trending|popular|hot|new|good|nice|in stock|on offer|in fashion|selling(?: well)?)
best ?-?sellers?|trending
""")
CUE = said(r"""
recommend|suggest|find|looking|look for|want|need|would like|i'd like|something|anything|show|give|get|got
buy|search|pick|choose|surprise|similar|like|have you|do you have|in the mood|gift|present|please|for me
go(?:es)?(?: well)? with|(?:what|which)(?: \w+)? (?:should|can|could|shall|do) (?:i|we)|any
""")
CHITCHAT = said("""
weather|who are you|are you|your name|how are|capital|president|joke|time is it|meaning of|write|translate
do you (?:like|love|enjoy|hate|believe|dream|sleep|eat)|vote|elections?|politic\\w*|recipe|homework|football|married
tell me about|what is|what's|who (?:is|was|won)|when did|how old|where is|news|stock
""")
TRIVIA = said("who (?:won|invented|discovered|killed)|world cup")
WORLDLY = said("who|whom|whose|when|where", start=r"^\W*(?:(?:and|so|but|ok)\W+)*")  # of the world, not the shop
SERVICE = said("""
pay(?:pal|ments?)?(?! (?:up|at|about|around|more|less|between|[$€£\\d]))|credit cards?|by card|invoice
deliver(?:y|ed|s)?|ships?|shipping|shipped|returns?|refunds?|warranty|guarantee|opening hours
discounts?|coupons?|vouchers?|gift (?:cards?|certificates?|wrap\\w*)
when (?:do|are|will) you|are you (?:open|closed)
book (?:me |us )?(?:an?|the)|taxis?|flights?|hotels?|airport
dishwasher|tracking|customer (?:service|support)|human|agent|account|password|log ?in|complain\\w*|order status|my order
""")
LIKE_RELATION = said("like|similar to|in the spirit of|such as|resembl\\w+|more of|close to|same as")
MATCH_RELATION = said("""
go(?:es|ing)?(?: well)? with|match(?:es|ing)?|pair(?:s|ed)?(?: well)? with|suits?|complements?|fits?
""")
TO_MATCH_ONE = re.compile(
    rf"({MATCH_RELATION.pattern})\s+(?:an?|some)\b(?!(?:\s+\w+){{1,3}}\s+(?:rooms?|kitchen|bath(?:room)?|bedroom|hall(?:way)?|office|house|home"
    rf"|flat|apartment|garden)\b)"  # "to fit a minimalist kitchen" is to be minimalist
)
MAKE_IT = re.compile(
    r"\b(?:make\s+(?:that|it)|rather|better|(?:rais|increas|lower|chang|bump|rais|upp|up|dropp|set)(?:e|ed|es|s|ing)?"
    r"\s+(?:it|that|(?:the|my|our)\s+(?:budget|limit|price))(?:\s+(?:up|down))?\s+to)\s+[$€£]?(\d{2,5}(?:\.\d{1,2})?)(?=\W*(?:$|[,.;!?]|please\b|instead\b|then\b))"
)

DISLIKE = said(
    """
dislike|hate|(?:can't|cannot|couldn't) (?:stand|bear)|not (?:so |too |very |really )?(?:keen on|into)
don't(?: really)? (?:like|love|want)|do not(?: really)? (?:like|love|want)|not a fan of|thumbs down
not for me|remove|not (?:the|that one|this one|number)|no to|didn't like|never show|none of|not my (?:taste|style|thing)
ugly|awful|hideous|horrible|terrible|boring|tacky
(?:is|are|looks?|seems?|feels?) (?:VERY )*(?:un(?!ique|der|til|it)\\w+|weird|odd|strange|flimsy|wrong)
""".replace("VERY", _VERY)
)
# Titles after these are turned down, not liked.
DISLIKED_TITLE = said("""
(?:i |but |really |just )*(?:hated?|disliked?|(?:can't|couldn't|cannot|could not) stand|detest(?:ed)?|regret(?:ted)?)
(?:i |but )*(?:didn't|did not|don't|do not|never)(?: really)? (?:like|love|enjoy)(?:d)?
(?:i |but )*(?:returned|sent back|gave back)
""")
_LOVELY = (
    "(?:great|perfect|lovely|nice|beautiful|good|gorgeous|stunning|amazing|fantastic|wonderful|fabulous|adorable|cute"
    "|brilliant|awesome|spot on|my favou?rite|the one)"
)
LIKE = said(
    """
i (?:\\w+ly |also |do |quite )*(?:like|love|liked|loved|enjoy|enjoyed|adore)|i'll (?:take|have)|thumbs up
in love with|(?<!you\\x20)(?<!would\\x20)love (?:it|that one|this one)|i want (?:the|that one|this one|it)
(?:(?:is|looks)|(?:\\d|both) (?:are|look))(?: (?:so|really|just|absolutely|very|quite|pretty|simply|also))* LOVELY
""".replace("LOVELY", _LOVELY)
)
TAKEN_AT_ONCE = said("i'll (?:take|have|buy)|i(?:'ll)? go for|i(?:'m| am) taking|i (?:\\w+ly )?(?:like|love)")
AGREED = said("yes|yep|yeah|perfect|great|oh yes", start=r"^\W*")
REGRETTED = said("after all|any ?more|changed my mind|on second thought")

DISLIKE_FIRST = said("not|no more|less like", start=r"^\W*")
LIKE_FIRST = said("liked?|loved?|take|save|add|keep", start=r"^\W*")
JUDGED_NUMBERS = re.compile(
    r"^\W*(?:i\s+)?(?:really\s+)?(?:don't\s+)?(?:like|love|dislike|hate|show(?:\s+me)?|draw|why|explain|not(?:\s+(?:keen\s+on|into))?|remove|take|describe)\s+"
    r"(?:the\s+)?(\d{1,2}(?:(?:\s*(?:,|and|or|&)\s*|\s+)\d{1,2})*)\W*$"
    r"|^\W*(?:numbers\s+)?(\d{1,2}(?:\s*(?:,|and|&)\s*\d{1,2})+)(?=\s+(?:are|look)\b)"
)
LIKED_TITLE = said(r"(?:i|but|and)(?: (?:also|did|quite|\w+ly))* (?:loved?|liked?|enjoy(?:ed)?|adored?)")
# "Do you have The Matrix?", "is Fargo any good?": what stands right behind is the title.
TITLE_ASKED = said("do you have|have you got|is|was|do you know|how (?:good )?is|what about", end=r"\s+")
OWNED = said("(?:love|own|have|got|bought|chose) (?:my|our|an?)|my new|my old")  # "it" is that, then
GOT_ONE = re.compile(r"(?<=\bi )((?:\w+ly |just |already |have )*(?:own|have|got|bought|chose|ordered)) an?\b")
TITLE_FEEDBACK = said("""
i (?:\\w+ly |have |also |just )*(?:loved?|liked?|enjoyed?|adored?|bought|own(?:ed)?|chose|got|have|seen|saw)
i (?:\\w+ly |have |also |just )*(?:watched|read|played|picked|ordered)
i've (?:\\w+ )?(?:seen|watched|bought|read|loved|enjoyed|got)
my favou?rites? (?:\\w+ )?(?:are|is|were)|(?:big )?fan of
""", end=r"\s+")  # fmt: skip
LOVED = said(
    "love[ds]?|liked?|enjoyed?|adored?|bought|own(?:ed)?|have|had|got|favou?rites?|great|amazing|awesome|my last"
)
TITLE_RELATION = said("""
(?:something|anything|things?|more|movies?|films?|items?|one|ones|similar|stuff) (?:like|to|of)|like|similar to
such as|in the spirit of|go(?:es)? with|match(?:es)?|pairs? with|close to|why|explain|draw|show me|dislike|hate|about
""", end=r"\s+")  # fmt: skip

_NEGATORS = """
not no without except avoid never neither nor minus hate hates dislike dislikes detest detests
excluding nothing isn't aren't don't doesn't can't
mustn't shouldn't won't wouldn't weren't wasn't hated
"""
NEGATORS = frozenset(_NEGATORS.split())
# These turn down all that a list names: "I hate stripes, metal and glass".
LOATHED = frozenset({"hate", "hates", "hated", "dislike", "dislikes", "detest", "detests"})
LOATHING_PAIRS = said("""
(?:sick|tired|bored) of|fed up with|allergic to|(?:can(?:'t| not|not)|couldn't) (?:stand|bear)
(?:not|\\w+n't|never)(?: really| a| that| too| so| very| much| big| huge)* (?:fan of|keen on|fond of|into|care for)
(?:don't|do not|doesn't|does not) (?:really )?(?:like|love)
""")
NEGATING_PAIRS = said("""
(?:anything|everything|any \\w+|all) (?:but|except)|other than|instead of|rather than|apart from|no more
enough of
(?:has|have|got) (?:enough|plenty of|too many)
keep \\w+ing
already (?:has|have|own|owns|got)(?: enough| plenty(?: of)?| lots of)?
(?:can|could) (?:do|live) without|rather avoid
(?<!or\\x20)less(?= [^\\W\\d_])(?! (?:than|like|of)\\b)
spare me|leave out|can't be doing with|no more of
(?:skip|omit|minus|lose|drop)(?= (?:anything|everything|all|any)\\b)
(?<!not\\x20)(?:way |far |much )*too(?= \\w)
none(?: of (?:them|these|those))?(?= (?:in|by|with|from|made|that)\\b)
""")
SCORNING = said(r"""
(?:out of the question|not an option|an? no[\s-]?go|no[\s-]go|off the table|no good|not for (?:me|us))
(?:doesn't|does not|won't|don't) (?:do|work)(?: for (?:me|us))?
not (?:my|our) (?:thing|taste|style|cup of tea)
(?:a )?bad idea|leave (?:them|it|those|these|that|him|her) out
(?:still |definitely |again |please )*not(?=\s*(?:[.!]|$))
(?:is|are|'s|still) out(?=\s*(?:[.,!]|$))
(?:is|are) for (?:babies|kids|girls|boys|grannies)
""")
# After these, what was said before of the same attribute no longer counts.
CORRECTIONS = said(
    "(?:oh |hmm )?(?:no|wait|sorry) (?:wait|sorry|actually|no)|wait|scratch that|i mean|make that|or rather"
    "|on second thought|nowadays|these days|not any ?more"
    "|(?<=[.…]\\x20)no(?=,)|(?<=,\\x20)no(?=,)"
)
NO_FIRST = re.compile(
    r"^\W*(?:(?:h+m+|oh|u+m+|ah|well|ok(?:ay)?)\W+)?(?:no|nah|nope)(?=\s*[,.])"
)  # what follows is meant
IF_NOT = re.compile(  # "a red bag, or if you don't have that, a pink one" turns nothing down
    r"\bif\s+(?:you|they|there|it|that|this)\s*(?:'s|\s(?:is|are|do|does|can|have|has))?\s*(?:\w+n't|not|no|none)\b"
    r"(?:\s+(?:have|find|got|get|sell|any|one|some|of|it|that|this|those|them|such|thing|things|available|possible|there))*"
    r"|\bif\s+not\b"
)
# A further value is fine, too: it joins the wish that is there.
ALSO = said(r"""
(?:is|are|would be|be) (?:also |perfectly |totally |just )?(?:fine|ok|okay|good)(?: too| as well)?
works?(?: too| as well)?|too|as well|also
""", end=r"\W*$")  # fmt: skip
ALSO_FIRST = said("or|also|and also|maybe also", start=r"^\W*")
ALLOWED = said("(?:is|are|'s) (?:fine|ok|okay|allright|alright)(?: by me| with me)?")
SCORN = frozenset(["dull", "boring", "ugly", "awful", "horrible", "hideous", "tacky", "kitschy", "overdone"])
PLACES = frozenset(["for", "on", "beside", "near", "above", "behind"])  # "for the dining table" is no wish for a table
ARTICLES = frozenset(["a", "an", "any", "some"])
_AFTER_NOUNS = """
. , ; : ! ? for with in under by that which to please and or from at around about on below over up here maybe too as
like today now not but then instead
"""
AFTER_NOUNS = frozenset(_AFTER_NOUNS.split())
BARE_NAMES = re.compile(r"^\W*[^\W\d_]+s(?:(?:\s*,\s*|\s+(?:and|or)\s+)[^\W\d_]+s)*\s*\?\W*$")  # "rugs, curtains?"
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
