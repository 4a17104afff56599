"""What comes over the wire: the bodies of requests, checked as they are read, and the shapes of answers.

OpenAI's names where OpenAI has them; parameters that mean nothing here are ignored, as its clients expect. Knows no
model and no store.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

MAX_TEXT_CHARS = 4_000
MAX_WHERE_CHARS = 500
MAX_MESSAGES = 100
MAX_HISTORY = 500
MAX_NAMED = 20
MAX_K = 100
MAX_INPUTS = 256
MAX_PICTURES = 4
MAX_SEED = 2**53
_MAX_URL_CHARS = 16 * 2**20  # bodies are limited before


def _without_nulls(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a null character; leave it out")
    return text


_Checked = AfterValidator(_without_nulls)
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS), _Checked]
Filled = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARS), _Checked]
Where = Annotated[str, StringConstraints(max_length=MAX_WHERE_CHARS), _Checked]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256), _Checked]
EventId = Annotated[str, StringConstraints(min_length=1, max_length=64), _Checked]
DataUrl = Annotated[str, StringConstraints(max_length=_MAX_URL_CHARS)]
History = Annotated[list[Name], Field(max_length=MAX_HISTORY, description="Item ids, oldest first.")]
Named = Annotated[list[Name], Field(max_length=MAX_NAMED)]
Person = Annotated[Name | None, Field(description="Whose history and likes count, by any id of your own.")]
Model = Annotated[Name, Field(description="A name of /v1/models.")]


class Body(BaseModel):
    """A request's body: types are taken as they are, unknown fields are left alone."""

    model_config = ConfigDict(strict=True, extra="ignore")


# ---- chat


class TextPart(Body):
    """Words."""

    type: Literal["text"]
    text: Text


class ImageUrl(Body):
    """A data URL."""

    url: DataUrl


class ImagePart(Body):
    """A photo, as a data URL; other addresses are refused."""

    type: Literal["image_url"]
    image_url: ImageUrl


class RefusalPart(Body):
    """What an assistant refused."""

    type: Literal["refusal"]
    refusal: Text


Part = Annotated[TextPart | ImagePart | RefusalPart, Field(discriminator="type")]
Content = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[Part], Field(max_length=MAX_MESSAGES), Tag("parts")],
    Discriminator(lambda content: "parts" if isinstance(content, list) else "text"),
]


class ChatMessage(Body):
    """One message. Those of users are answered; the rest is context of other models and left alone."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""

    @property
    def picture_urls(self) -> list[str]:
        """Its photos."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.image_url.url for part in parts if isinstance(part, ImagePart)]


class StreamOptions(Body):
    """include_usage: a last chunk counts tokens."""

    include_usage: bool | None = None


class Metadata(Body):
    """session: the same as the field of that name, for clients that cannot send it."""

    session: EventId | None = None


class ChatBody(Body):
    """A conversation. With `session`, the server remembers it and reads only the last message of a user; without, all
    messages are gone through again."""

    model: Model
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    user: Person = None
    session: EventId | None = None
    metadata: Metadata | None = None


class Message(BaseModel):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str


class Choice(BaseModel):
    """The one answer."""

    index: int
    message: Message
    finish_reason: Literal["stop"]


class Usage(BaseModel):
    """Tokens, by the tokenizer of the model that reads or writes them."""

    prompt_tokens: int
    completion_tokens: int = 0
    total_tokens: int


class EvidenceShape(BaseModel):
    """One checkable reason."""

    kind: str
    source: str
    claim: str
    weight: float | None


class Card(BaseModel):
    """One shown item. image: a link to its picture."""

    item_id: str
    title: str
    price: float | None
    image: str | None
    reason: str
    evidence: list[EvidenceShape]


class ShownVisual(BaseModel):
    """A drawing: a link to it, of which item, and that it is generated."""

    visual_id: str
    item_id: str
    url: str
    generated: Literal[True]


class ChatExtra(BaseModel):
    """What a chat answer holds. text: what is said, without Markdown; request: how the message was understood;
    relaxed: wishes not met."""

    text: str
    cards: list[Card]
    request: dict[str, Any]  # Any: a request's parts, see genrec.chat.requests
    relaxed: list[dict[str, Any]]  # Any: likewise
    visual: ShownVisual | None
    session: str | None


class ChatAnswer(BaseModel):
    """OpenAI's chat completion, with cards in `genrec` and as Markdown in the content."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    genrec: ChatExtra


# ---- embeddings


class EmbeddingBody(Body):
    """Texts, or with input_type item the ids of items: pictures, words and texts share one space."""

    model: Model
    input: Annotated[
        Annotated[Filled, Tag("text")]
        | Annotated[list[Filled], Field(min_length=1, max_length=MAX_INPUTS), Tag("texts")],
        Discriminator(lambda given: "texts" if isinstance(given, list) else "text"),
    ]
    input_type: Literal["text", "item"] = "text"
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: Person = None


class Embedding(BaseModel):
    """One vector: numbers, or little-endian float32 in base64."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingAnswer(BaseModel):
    """Unit vectors in the order of the input."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


# ---- pictures


class ImageBody(Body):
    """A drawing of an item for a person. Without `item`, the item nearest to the prompt is drawn; with it, the prompt
    says where to show it."""

    prompt: Text = ""
    model: Model | None = None
    item: Name | None = None
    user: Person = None
    history: History | None = None
    n: Annotated[int, Field(ge=1, le=MAX_PICTURES)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    size: Annotated[Literal["auto"] | None, Field(description="Pictures come in the size the model draws.")] = None
    response_format: Literal["b64_json", "url"] | None = None


class DrawnImage(BaseModel):
    """One picture. url: a link to it, as long as it is kept."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str
    item_id: str
    seed: int
    visual_id: str
    scores: dict[str, float | None]
    generated: Literal[True]


class ImageAnswer(BaseModel):
    """Pictures, each marked as generated in its pixels and its text chunks."""

    created: int
    data: list[DrawnImage]
    output_format: Literal["png"]
    size: str


# ---- recommendations, items, feedback


class RecommendBody(Body):
    """Whose next items: a person's (`user`), or of a `history`. image: a photo as a data URL; like, unlike: ids of
    items that the wanted resembles or not; where: a filter, such as price < 40 and color = red; explain: a reason for
    each item."""

    model: Model = "genrec"
    user: Person = None
    history: History | None = None
    query: Text = ""
    image: DataUrl | None = None
    like: Named = []
    unlike: Named = []
    where: Where | None = None
    exclude: Annotated[list[Name], Field(max_length=MAX_HISTORY)] = []
    exclude_history: bool = True
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 10
    explain: bool = False


class ExplanationShape(BaseModel):
    """Why, in words whose every claim cites evidence."""

    text: str
    evidence: list[EvidenceShape]


class RecommendedItem(BaseModel):
    """One item of a ranked list."""

    rank: int
    item_id: str
    title: str
    semantic_id: list[int]
    score_nats: float | None
    price: float | None
    image: str | None
    explanation: ExplanationShape | None = None


class RecommendAnswer(BaseModel):
    """history: what the answer rests on; unknown: given items that the catalog lacks."""

    model: str
    history: list[str]
    unknown: list[str]
    recommendations: list[RecommendedItem]


class ItemShape(BaseModel):
    """An item of the catalog. image: a link to its picture."""

    id: str
    object: Literal["item"]
    title: str
    text: str
    attributes: dict[str, Any]  # Any: texts, numbers, truth values, lists of texts
    image: str | None


class ItemList(BaseModel):
    """One page of the catalog, in its order."""

    object: Literal["list"]
    data: list[ItemShape]
    total: int
    has_more: bool


class FeedbackBody(Body):
    """One thing a person did. event_id: of your making; the same again is the same event, so a request may be repeated.
    timestamp: Unix seconds, now without one; undo takes back what the person last did to the item."""

    user: Name
    item: Name
    kind: Literal["like", "dislike", "view", "choose", "undo"]
    event_id: EventId | None = None
    timestamp: Annotated[int, Field(ge=0, le=2**53)] | None = None


class EventShape(BaseModel):
    """An event that is on disk."""

    event_id: str
    person: str
    item_id: str
    kind: str
    timestamp: int


class PersonRecord(BaseModel):
    """All that is kept of a person."""

    person: str
    events: list[EventShape]
    sessions: list[dict[str, Any]]  # Any: the documents of genrec.chat.session
    visuals: list[dict[str, Any]]  # Any: records of drawings


class Erased(BaseModel):
    """How many of each were erased."""

    events: int
    sessions: int
    visuals: int


class ModelShape(BaseModel):
    """A model; `parent` names what an adapter rides on."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    parent: str | None
    description: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"]
    data: list[ModelShape]


class ErrorDetail(BaseModel):
    """What went wrong; code is for programs, message for people."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorAnswer(BaseModel):
    """OpenAI's error body."""

    error: ErrorDetail


class Health(BaseModel):
    """Whether the server is up, or ready."""

    status: Literal["ok", "loading", "store unreachable"]
