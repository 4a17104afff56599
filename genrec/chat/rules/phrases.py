"""The everyday English of asking: what marks a wish, a judgement, a question. Words alone, no logic.

Each constant is a list of alternatives, a line each; a space matches any white space. Knows no catalog.
"""

import re


def any_of(forms: str, *, start: str = r"\b", end: str = r"\b") -> re.Pattern[str]:
    """A pattern for any of the forms, one a line, as whole words."""
    lines = [line.strip() for line in forms.strip().splitlines()]
    return re.compile(f"{start}(?:{'|'.join(lines)}){end}".replace(" ", r"\s+"))


def blank(text: str, start: int, end: int) -> str:
    """A text with blanks from one place to another, so that all else stays where it is."""
    return text[:start] + " " * (end - start) + text[end:]


VERY = "(?:so|too|very|quite|rather|pretty|really|a (?:bit|little))"
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
UNDO_OR_AVOID = any_of("skip|lose|ditch|drop")  # of what was not wished, it turns down
SAME_MAKER = any_of(r"""
(?:whoever|the (?:people|ones|guys|company) who) makes?
(?:by|from) the same (?:maker|people)|(?:do|does) (?:they|he|she) (?:also |even )?(?:make|produce)
""")
FREE_MONEY = any_of(r"""
(?:the |my )?(?:price |money )?limit(?: is|'s) (?:gone|off|lifted|no more)
money(?: is|'s) (?:no|not(?: a)?) \w+|money (?:doesn't|does not) \w+
""")
UNDO_LAST = any_of(
    r"""
undo(?: (?:that|it|this|my last|the last \w+))?|go back(?: (?:one|a) step)?|take that back|scratch that
(?:forget|ignore|undo|scratch|take back) the last (?:thing|wish|message|one|request|bit)(?: i (?:said|asked|wrote))?
(?:forget|ignore|undo|scratch|take back) what i (?:just )?(?:said|asked|wrote|typed)
""",
    start=r"^\W*(?:(?:no|sorry|actually|oops|ok|wait|please)\W+)*",
    end=r"(?:\W+(?:please|sorry))?\W*$",
)
# "The most expensive thing you sell": what was wished before does not count.
OF_WHOLE_SHOP = any_of("(?:things?|items?|products?|articles?|pieces?) (?:that )?(?:you|in (?:the|your|this))")
IN_ORDER = any_of("(?:ones?|things?|items?|expensive|dearest|priciest|cheapest) first|(?:sort|order|rank)(?:ed|ing)?")
RESET = any_of("""
start(?:ing)? (?:over|again|afresh|anew|from (?:zero|scratch|the beginning))|reset|clear (?:all|everything)
no preferences?|scrap (?:everything|it all|all(?: of)?(?: (?:it|that|this))?)
(?:forget|drop|remove|ignore) (?:everything|all filters|my wishes|the filters)
(?:forget|drop|remove|ignore) all(?: of)?(?: (?:that|it|this|my|the)(?: \\w+)?)?
anything (?:goes|is fine|will do|works)
""")

# Where these are said, what is strung together by "and" is not wished for.
NOT_SEVERAL_WISHES = any_of(r"""
how many|which|compare|difference|versus|vs|than|already|(?:go(?:es)?|went) (?:well )?with|match(?:es)?|my|is|are
(?:i|we) (?:have|own|got)|(?:i've|we've) got|(?:i|we) (?:\w+ly |just |already )?(?:bought|chose|liked?|loved?|hated?)
""")
NEXT = any_of(
    r"(?:now )?(?:the )?next(?: one| thing)?",
    start=r"^\W*(?:(?:ok|okay|and|great|thanks)\W+)*",
    end=r"\W*(?:please)?\W*$",
)
# Whatever comes is welcome.
OPEN = any_of(
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
DECLINED = any_of(
    r"""
(?:no(?:pe)?|nah|naw|meh+|ugh+|e+h+|bah|(?:even |much )?worse
not (?:really|quite|exactly|convinced|great|good)|sorry|still|h+m+|oh)
""",
    start=r"^\W*(?=.*\b(?:no(?:pe)?|nah|naw|meh+|ugh+|e+h+|bah|worse|not)\b)(?:",
    end=r"\b\W*)+$",
)
# How old somebody is tells nothing of items.
AGED = any_of(
    r"(?:she|he|they)(?:'s|'re| is| are|'ll be| will be)(?: (?:only|just|about|almost|nearly|turning))* \d{1,2}"
    r"(?: years?(?: old)?)?(?=\s*(?:$|[.,;!?]|and\b|but\b|so\b))"
)
# "Is cool", said of something, is praise and no color.
PRAISED = re.compile(r"(?:\b(?:is|are|sounds?|looks?)|'s)\s+cool\b(?=\s*(?:[,.;!]|but\b|and\b|$))")
NOT_NEEDED = any_of(
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
PATTERNED = any_of(
    "(?<!not\\x20)(?<!no\\x20)(?<!n't\\x20)(?:patterned|printed)"
    "|with (?:a|some|any)(?: nice| bold| fun| pretty| cool)? (?:patterns?|prints?)(?: on (?:it|them))?"
)
PLAINER = any_of(
    "(?:less|too|(?:not|\\w+n't) (?:so|that|as|too)) (?:busy|patterned|loud|fussy)"
    "|simpler|plainer|more (?:plain|simple)"
)
HELD = any_of(r"(?:(?<!care\x20)for|hold|put|display|bunch of|bouquet of)(?: \w+){0,2} (?:flowers?|blossoms?)")
EXPLAIN = any_of("why(?! not)|how come|explain|what ma(?:kes|de) you|for what reason|what's the reason")
# Asks for advice among what was shown, and for help where nothing was.
_OF_THESE = r"(?: (?:of|among|from) (?:them|these|those|the (?:\w+ )?\w+))?"
ADVISE = any_of(r"""
(?:which|what)(?: one)?OF_THESE (?:would|do|should|shall|can|could) (?:you|i|we) (?:\w+ly )?TAKE
(?:which|what)(?:'s| is) your (?:\w+ )?(?:favou?rite|pick|choice|recommendation|advice|suggestion)
(?:which(?: one)?|what)(?:'s| is) (?:the )?(?:best|better)(?: (?:one|choice|option|pick))?OF_THESE
which (?:one )?(?:has|have|is|looks?)(?: (?:a|the))? (?:better|best|nicer|nicest|prettier|prettiest)(?: \w+)?
(?:i |we )?(?:can't|cannot|can not) (?:decide|choose|make up my mind)|(?:help me|you) (?:choose|decide|pick)(?: one)?
""".replace("TAKE", "(?:recommend|suggest|pick|choose|take|prefer|get|buy|go (?:for|with)|advise)").replace(
    "OF_THESE", _OF_THESE
), end=rf"\W*(?:(?:for (?:me|us)|then|please)\W*)*{_OF_THESE}\W*$")  # fmt: skip
UNSURE = any_of(r"""
(?:i'm |i am |we're )?(?:not (?:really |quite |so |very )?sure|undecided|unsure)(?: yet| what i want)?
(?:i |we )?(?:(?:really )?(?:don't|do not) (?:really )?know|dunno)(?: yet| what(?: i want| to \w+))?
no (?:idea|clue)(?: yet| really)?
""", start=r"^\W*(?:(?:h+m+|u+h*m*|well|oh|ok)\W+)*", end=r"\W*$")  # fmt: skip
_THEM = r"it|they|that|this|the \w+(?: one)?|(?:number )?\d+"
HOW_IT_LOOKS = any_of(
    """
what (?:it|they|that|this) looks? like
how(?:'d|'s| would| will| could| does| do| might)? (?:THEM) (?:would |will |could |might )?looks?
what (?:would|will|does|do|could) (?:THEM) looks? like
what (?:THEM) (?:would|will|could|might) looks? like
""".replace("THEM", _THEM)
)
SHOW = any_of(
    """
draw|visuali[sz]e|picture|pics?|photo|image|sketch|render|paint|want to see
(?:possible|able|like|want|love) to see (?:it|that|this|the|number)
(?:can|could|may|let) (?:i|me|you) (?:show me|see|have a look)|show me (?:it|that|this)
"""
)
SHOW_FIRST = any_of("show (?:me|it|them|that|this)", start=r"^\W*(?:please )?")
MORE = any_of("""
more|others?|another|different|something else|anything else|what else|next|new ones|again|alternatives?
""")
SHOWN_BEFORE = any_of(
    r"(?:you(?:'ve| have)?(?: already| just)* (?:showed|shown)(?: me)?|i(?:'ve| have)? (?:already |just )*(?:seen|saw))"
    r"(?: all)?(?: of)? (?:these|those|them|it|that|this|the same)(?: (?:ones?|already|before|all))*"
)
COMPARE = any_of(
    "compare[ds]?|comparison|differences?|differ|what(?:'s| is) different|versus|vs"
    "|which (?:one )?is (?:better|nicer|cheaper)"
)
DESCRIBE = any_of("""
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
LIMIT = any_of(
    rf"""
(?:show|give|find|suggest|recommend)(?: me)? (?:just |only )?(?P<bare>{_FEW})(?= (?!NO_NOUN\b)[^\W\d_])
(?P<first>{_FEW}) (?:cheapest|dearest|priciest|newest|oldest|(?:least|most) (?:expensive|costly|recent))
(?P<offered>{_FEW}) (?:different |good |other |more )?(?:options?|ideas?|suggestions?|examples?|choices|alternatives)
^\W*(?:only|just) (?P<mere>{_FEW})(?=(?: (?:please|then|of (?:them|these|those)))?\W*$)
""".replace("NO_NOUN", "(?:and|or|please|in|again|with|but|too|now|of|as|for|from|then|looks?|would|will|is)")
)
REPEATS = any_of("again|(?:show(?: me)?|list|see) all|same (?:list|ones|items)|show (?:them|those|these) again|back to")
GREETING = any_of(
    r"hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|day|afternoon|evening)"
    r"|(?:morning|evening|afternoon)(?=\W*(?:$|all\b|everyone\b|there\b))",
    start=r"^\W*",
)
WELL_WISHED = re.compile(
    r"\b(?:i\s+)?hope\s+[^.!?]{0,40}|\bhow(?:\s+are|'s)\s+(?:you|it|things|everyone)\b[^.!?]{0,20}"
)
NEWCOMER = any_of(
    r"(?:i'm|i am|we're) (?:new|a newbie)(?: here| to this)?|(?:my )?first (?:time|visit)(?: here)?|never been here"
)
DISPRAISE = any_of(
    "not(?: very| so| too| really| that)? (?!bad)\\w+|no good|too (?:bad|much)|i (?:like|love)|the \\w+ is|it is"
)
INTERJECTIONS = re.compile(
    r"^(?:(?:cool|nice|great|perfect|fine|lovely|awesome|thanks|hmm+|umm*|well|ok|okay|wow|lol|haha)\s*[,.!…]+\s*|o+h+\s+)+"
)
HELP_WITH_THIS = any_of("how (?:does|do) (?:it|this|that|you|i|we)(?: \\w+){0,2} (?:work|use (?:it|this|that))")
HELP = any_of(
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
RECALL = any_of(rf"""
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
WELL_LIKED = any_of("""
(?:what's|what is) (?:trending|popular|hot|new|good|nice|in stock|on offer|in fashion|selling(?: well)?)
best ?-?sellers?|trending
""")
CUE = any_of(r"""
recommend|suggest|find|looking|look for|want|need|would like|i'd like|something|anything|show|give|get|got
buy|search|pick|choose|surprise|similar|like|have you|do you have|in the mood|gift|present|please|for me
go(?:es)?(?: well)? with|(?:what|which)(?: \w+)? (?:should|can|could|shall|do) (?:i|we)|any
""")
CHITCHAT = any_of("""
weather|who are you|are you|your name|how are|capital|president|joke|time is it|meaning of|write|translate
do you (?:like|love|enjoy|hate|believe|dream|sleep|eat)|vote|elections?|politic\\w*|recipe|homework|football|married
tell me about|what is|what's|who (?:is|was|won)|when did|how old|where is|news|stock
""")
TRIVIA = any_of("who (?:won|invented|discovered|killed)|world cup")
WORLDLY = any_of("who|whom|whose|when|where", start=r"^\W*(?:(?:and|so|but|ok)\W+)*")  # of the world, not the shop
SERVICE = any_of("""
pay(?:pal|ments?)?(?! (?:up|at|about|around|more|less|between|[$€£\\d]))|credit cards?|by card|invoice
deliver(?:y|ed|s)?|ships?|shipping|shipped|returns?|refunds?|warranty|guarantee|opening hours
discounts?|coupons?|vouchers?|gift (?:cards?|certificates?|wrap\\w*)
when (?:do|are|will) you|are you (?:open|closed)
book (?:me |us )?(?:an?|the)|taxis?|flights?|hotels?|airport
dishwasher|tracking|customer (?:service|support)|human|agent|account|password|log ?in|complain\\w*|order status|my order
""")
LIKE_RELATION = any_of("like|similar to|in the spirit of|such as|resembl\\w+|more of|close to|same as")
MATCH_RELATION = any_of("""
go(?:es|ing)?(?: well)? with|match(?:es|ing)?|pair(?:s|ed)?(?: well)? with|suits?|complements?|fits?
""")
TO_MATCH_ONE = re.compile(
    rf"({MATCH_RELATION.pattern})\s+(?:an?|some)\b(?!(?:\s+\w+){{1,3}}\s+(?:rooms?|kitchen|bath(?:room)?|bedroom|hall(?:way)?|office|house|home"
    rf"|flat|apartment|garden)\b)"  # "to fit a minimalist kitchen" is to be minimalist
)
DISLIKE = any_of(
    """
dislike|hate|(?:can't|cannot|couldn't) (?:stand|bear)|not (?:so |too |very |really )?(?:keen on|into)
don't(?: really)? (?:like|love|want)|do not(?: really)? (?:like|love|want)|not a fan of|thumbs down
not for me|remove|not (?:the|that one|this one|number)|no to|didn't like|never show|none of|not my (?:taste|style|thing)
ugly|awful|hideous|horrible|terrible|boring|tacky
(?:is|are|looks?|seems?|feels?) (?:VERY )*(?:un(?!ique|der|til|it)\\w+|weird|odd|strange|flimsy|wrong)
""".replace("VERY", VERY)
)
# Titles after these are turned down, not liked.
DISLIKED_TITLE = any_of("""
(?:i |but |really |just )*(?:hated?|disliked?|(?:can't|couldn't|cannot|could not) stand|detest(?:ed)?|regret(?:ted)?)
(?:i |but )*(?:didn't|did not|don't|do not|never)(?: really)? (?:like|love|enjoy)(?:d)?
(?:i |but )*(?:returned|sent back|gave back)
""")
_LOVELY = (
    "(?:great|perfect|lovely|nice|beautiful|good|gorgeous|stunning|amazing|fantastic|wonderful|fabulous|adorable|cute"
    "|brilliant|awesome|spot on|my favou?rite|the one)"
)
LIKE = any_of(
    """
i (?:\\w+ly |also |do |quite )*(?:like|love|liked|loved|enjoy|enjoyed|adore)|i'll (?:take|have)|thumbs up
in love with|(?<!you\\x20)(?<!would\\x20)love (?:it|that one|this one)|i want (?:the|that one|this one|it)
(?:(?:is|looks)|(?:\\d|both) (?:are|look))(?: (?:so|really|just|absolutely|very|quite|pretty|simply|also))* LOVELY
""".replace("LOVELY", _LOVELY)
)
TAKEN_AT_ONCE = any_of("i'll (?:take|have|buy)|i(?:'ll)? go for|i(?:'m| am) taking|i (?:\\w+ly )?(?:like|love)")
AGREED = any_of("yes|yep|yeah|perfect|great|oh yes", start=r"^\W*")
REGRETTED = any_of("after all|any ?more|changed my mind|on second thought")

DISLIKE_FIRST = any_of("not|no more|less like", start=r"^\W*")
LIKE_FIRST = any_of("liked?|loved?|take|save|add|keep", start=r"^\W*")
JUDGED_NUMBERS = re.compile(
    r"^\W*(?:i\s+)?(?:really\s+)?(?:don't\s+)?(?:like|love|dislike|hate|show(?:\s+me)?|draw|why|explain|not(?:\s+(?:keen\s+on|into))?|remove|take|describe)\s+"
    r"(?:the\s+)?(\d{1,2}(?:(?:\s*(?:,|and|or|&)\s*|\s+)\d{1,2})*)\W*$"
    r"|^\W*(?:numbers\s+)?(\d{1,2}(?:\s*(?:,|and|&)\s*\d{1,2})+)(?=\s+(?:are|look)\b)"
)
LIKED_TITLE = any_of(r"(?:i|but|and)(?: (?:also|did|quite|\w+ly))* (?:loved?|liked?|enjoy(?:ed)?|adored?)")
# "Do you have The Matrix?", "is Fargo any good?": what stands right behind is the title.
TITLE_ASKED = any_of("do you have|have you got|is|was|do you know|how (?:good )?is|what about", end=r"\s+")
OWNED = any_of("(?:love|own|have|got|bought|chose) (?:my|our|an?)|my new|my old")  # "it" is that, then
GOT_ONE = re.compile(r"(?<=\bi )((?:\w+ly |just |already |have )*(?:own|have|got|bought|chose|ordered)) an?\b")
TITLE_FEEDBACK = any_of("""
i (?:\\w+ly |have |also |just )*(?:loved?|liked?|enjoyed?|adored?|bought|own(?:ed)?|chose|got|have|seen|saw)
i (?:\\w+ly |have |also |just )*(?:watched|read|played|picked|ordered)
i've (?:\\w+ )?(?:seen|watched|bought|read|loved|enjoyed|got)
my favou?rites? (?:\\w+ )?(?:are|is|were)|(?:big )?fan of
""", end=r"\s+")  # fmt: skip
LOVED = any_of(
    "love[ds]?|liked?|enjoyed?|adored?|bought|own(?:ed)?|have|had|got|favou?rites?|great|amazing|awesome|my last"
)
TITLE_RELATION = any_of("""
(?:something|anything|things?|more|movies?|films?|items?|one|ones|similar|stuff) (?:like|to|of)|like|similar to
such as|in the spirit of|go(?:es)? with|match(?:es)?|pairs? with|close to|why|explain|draw|show me|dislike|hate|about
""", end=r"\s+")  # fmt: skip

LOATHING_PAIRS = any_of("""
(?:sick|tired|bored) of|fed up with|allergic to|(?:can(?:'t| not|not)|couldn't) (?:stand|bear)
(?:not|\\w+n't|never)(?: really| a| that| too| so| very| much| big| huge)* (?:fan of|keen on|fond of|into|care for)
(?:don't|do not|doesn't|does not) (?:really )?(?:like|love)
""")
NEGATING_PAIRS = any_of("""
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
SCORNING = any_of(r"""
(?:out of the question|not an option|an? no[\s-]?go|no[\s-]go|off the table|no good|not for (?:me|us))
(?:doesn't|does not|won't|don't) (?:do|work)(?: for (?:me|us))?
not (?:my|our) (?:thing|taste|style|cup of tea)
(?:a )?bad idea|leave (?:them|it|those|these|that|him|her) out
(?:still |definitely |again |please )*not(?=\s*(?:[.!]|$))
(?:is|are|'s|still) out(?=\s*(?:[.,!]|$))
(?:is|are) for (?:babies|kids|girls|boys|grannies)
""")
# After these, what was said before of the same attribute no longer counts.
CORRECTIONS = any_of(
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
ALSO = any_of(r"""
(?:is|are|would be|be) (?:also |perfectly |totally |just )?(?:fine|ok|okay|good)(?: too| as well)?
works?(?: too| as well)?|too|as well|also
""", end=r"\W*$")  # fmt: skip
ALSO_FIRST = any_of("or|also|and also|maybe also", start=r"^\W*")
ALLOWED = any_of("(?:is|are|'s) (?:fine|ok|okay|allright|alright)(?: by me| with me)?")
BARE_NAMES = re.compile(r"^\W*[^\W\d_]+s(?:(?:\s*,\s*|\s+(?:and|or)\s+)[^\W\d_]+s)*\s*\?\W*$")  # "rugs, curtains?"
