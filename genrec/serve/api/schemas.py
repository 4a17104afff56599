"""The API's own schemas: the types of fields, bodies of requests, checked as they are read, and shapes of answers.

Class names are the component names of OpenAPI, so that renaming one changes the API. Knows no model and no store.
"""

from typing import Annotated, Any, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from genrec.offers import Availability
from genrec.schema import MAX_ID_CHARS, why_no_id

MAX_TEXT_CHARS = 4_000
MAX_WHERE_CHARS = 500
MAX_HISTORY = 500
MAX_NAMED = 20
MAX_K = 100
_MAX_URL_CHARS = 16 * 2**20  # bodies are limited before


def _without_nulls(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a null character; leave it out")
    return text


def _id(text: str) -> str:
    reason = why_no_id(text)
    if reason is not None:
        raise ValueError(reason)
    return text


_Checked = AfterValidator(_without_nulls)
Quoted = BeforeValidator(unquote)  # of what stands in a path, see middleware.QuotedPath
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS), _Checked]
Filled = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS), _Checked]
Where = Annotated[str, StringConstraints(max_length=MAX_WHERE_CHARS), _Checked]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS), _Checked]
ShortId = Annotated[str, StringConstraints(min_length=1, max_length=64), _Checked]
DataUrl = Annotated[str, StringConstraints(max_length=_MAX_URL_CHARS)]
History = Annotated[list[Name], Field(max_length=MAX_HISTORY, description="Item ids, oldest first.")]
Named = Annotated[list[Name], Field(max_length=MAX_NAMED)]
PersonId = Annotated[Name, AfterValidator(_id)]
Person = Annotated[PersonId | None, Field(description="Whose history and likes count, by any id of your own.")]
Model = Annotated[Name, Field(description="A name of /v1/models.")]


class Body(BaseModel):
    """The body of a request, or a part of it: types are taken as they are, unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


# ---- recommendations, items, feedback


class EvidenceShape(BaseModel):
    """One checkable reason."""

    kind: str
    source: str
    claim: str
    weight: float | None


class BoxShape(BaseModel):
    """A part of a picture, in shares of its width and height from the upper left."""

    x: float
    y: float
    w: float
    h: float


class RegionEvidenceShape(EvidenceShape):
    """Where the person looks in the item's picture, of workspaces whose fuser tells."""

    region: BoxShape


class RecommendBody(Body):
    """A request for the next items of a person (`user`) or of a `history`. image: a photo as a data URL; like, unlike:
    ids of items that the wanted resembles or not; where: a filter, such as price < 40 and color = red; disliked: items
    that the person judged negatively, which do not come back and push away what is like them, in place of what is known
    of `user`; explain: a reason for each item."""

    model: Model = "genrec"
    user: Person = None
    history: History | None = None
    query: Text = ""
    image: DataUrl | None = None
    like: Named = []
    unlike: Named = []
    where: Where | None = None
    exclude: Annotated[list[Name], Field(max_length=MAX_HISTORY)] = []
    disliked: Annotated[list[Name], Field(max_length=MAX_HISTORY)] | None = None
    exclude_history: bool = True
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 10
    explain: bool = False


class ExplanationShape(BaseModel):
    """The reason for an item, in words whose every claim cites evidence. reason: in few words, for a card."""

    reason: str
    text: str
    evidence: list[RegionEvidenceShape | EvidenceShape]


class VariantShape(BaseModel):
    """One of several forms of an item. attributes: what tells it from the others, such as its size."""

    variant_id: str
    attributes: dict[str, str]
    price: float | None
    availability: Availability | None


class Sale(BaseModel):
    """How an item is sold, and what is to be seen of it; null where unknown. price_upper: where prices range up to it;
    currency: ISO 4217; available: false where it is known to be sold out; link: the address of its page; image, images,
    video, audio: links, `image` being the first of `images`."""

    price: float | None
    price_upper: float | None
    currency: str | None
    availability: Availability | None
    available: bool
    link: str | None
    image: str | None
    images: list[str]
    video: str | None
    audio: str | None
    variants: list[VariantShape]


class RecommendedItem(Sale):
    """One item of a ranked list."""

    rank: int
    item_id: str
    title: str
    semantic_id: list[int]
    score_nats: float | None
    explanation: ExplanationShape | None = None


class RecommendAnswer(BaseModel):
    """history: what the answer rests on; unknown: given items that the catalog lacks; unknown_words: words of the query
    that no item has, in whatever spelling."""

    model: str
    history: list[str]
    unknown: list[str]
    unknown_words: list[str]
    recommendations: list[RecommendedItem]


class ItemShape(Sale):
    """An item of the catalog. removed: whether it is never recommended any more."""

    id: str
    object: Literal["item"]
    title: str
    text: str
    attributes: dict[str, Any]  # Any: texts, numbers, truth values, lists of texts
    removed: bool


class ItemList(BaseModel):
    """One page of the catalog, in its order."""

    object: Literal["list"]
    data: list[ItemShape]
    total: int
    has_more: bool


class FeedbackBody(Body):
    """One thing a person did. event_id: of your making; the same again is the same event, so a request may be repeated.
    timestamp: Unix seconds, now without one; undo takes back what the person last did to the item."""

    user: PersonId
    item: Name
    kind: Literal["like", "dislike", "view", "choose", "undo"]
    event_id: ShortId | None = None
    timestamp: Annotated[int, Field(ge=0, le=2**53)] | None = None


class EventShape(BaseModel):
    """An event that is on disk."""

    event_id: str
    person: str
    item_id: str
    kind: str
    timestamp: int


class PersonRecord(BaseModel):
    """All that is stored of a person."""

    person: str
    events: list[EventShape]
    sessions: list[dict[str, Any]]  # Any: the documents of genrec.chat.session, each with its photos as base64
    visuals: list[dict[str, Any]]  # Any: records of drawings, each with its picture as base64


class ErasedPerson(BaseModel):
    """How many of each were erased. pending: why it is not overwritten on disk yet, which is tried again by itself."""

    events: int
    sessions: int
    photos: int
    visuals: int
    pending: str | None


# ---- sessions


class WishShape(BaseModel):
    """A wish that lasts. attribute: its attribute, or what stands for free words, what is avoided, the photo and the
    items that the wanted is like, beginning with a colon; text: in words."""

    attribute: str
    text: str


class ChipShape(BaseModel):
    """A critique of the shown list, to be said as it is."""

    say: str
    attribute: str


class SessionShape(BaseModel):
    """The state of a conversation. words: free words that are searched for; history, refused: the latest last;
    starters: first messages that are understood."""

    session: str
    wishes: list[WishShape]
    words: str
    history: list[ItemShape]
    refused: list[ItemShape]
    chips: list[ChipShape]
    starters: list[str]


class SessionErased(BaseModel):
    """A conversation that was erased."""

    session: str
    erased: bool


# ---- health


class Health(BaseModel):
    """The state of the server: up, or ready."""

    status: Literal["ok", "loading", "store unreachable"]
    generation: int | None = Field(None, description="Of the workspace, in service; where readiness was asked for.")
    waiting: int | None = Field(None, description="A newer generation that could not be taken up so far.")


class Reloaded(BaseModel):
    """The generation in service, and whether it was taken up just now."""

    generation: int
    is_new: bool
