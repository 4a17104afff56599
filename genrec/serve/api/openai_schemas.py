"""OpenAI's schemas: bodies of requests and shapes of answers for models, chat and embeddings.

OpenAI's names where OpenAI has them; parameters that mean nothing here are ignored, as its clients expect. Class names
are the component names of OpenAPI, so that renaming one changes the API. Knows no model and no store.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from genrec.serve.api.schemas import (
    Body,
    DataUrl,
    EvidenceShape,
    Filled,
    Model,
    Person,
    RegionEvidenceShape,
    Sale,
    ShortId,
    Text,
)

MAX_MESSAGES = 100
MAX_INPUTS = 256


# ---- models


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


# ---- chat


class TextPart(Body):
    """A part that is words."""

    type: Literal["text"]
    text: Text


class ImageUrl(Body):
    """The address of a photo, a data URL."""

    url: DataUrl


class ImagePart(Body):
    """A photo, as a data URL; other addresses are refused."""

    type: Literal["image_url"]
    image_url: ImageUrl


class RefusalPart(Body):
    """A part that is an assistant's refusal."""

    type: Literal["refusal"]
    refusal: Text


Part = Annotated[TextPart | ImagePart | RefusalPart, Field(discriminator="type")]
Content = Annotated[
    Annotated[Text, Tag("text")] | Annotated[list[Part], Field(max_length=MAX_MESSAGES), Tag("parts")],
    Discriminator(lambda content: "parts" if isinstance(content, list) else "text"),
]


class ChatMessage(Body):
    """One message of a conversation. Those of users are answered; the rest is context of other models and ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None

    @property
    def text(self) -> str:
        """The words of the message."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content if isinstance(part, TextPart))
        return self.content or ""

    @property
    def picture_urls(self) -> list[str]:
        """The addresses of its photos."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.image_url.url for part in parts if isinstance(part, ImagePart)]


class StreamOptions(Body):
    """Options of a stream. include_usage: a last chunk counts tokens."""

    include_usage: bool | None = None


class Metadata(Body):
    """Extra values. session: the same as the field of that name, for clients that cannot send it."""

    session: ShortId | None = None


class ChatBody(Body):
    """A conversation. With `session`, the server remembers it and reads only the last message of a user; without, all
    messages are replayed."""

    model: Model
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None
    user: Person = None
    session: ShortId | None = None
    metadata: Metadata | None = None


class Message(BaseModel):
    """The assistant's message."""

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


class Card(Sale):
    """One shown item."""

    item_id: str
    title: str
    reason: str
    why: str
    evidence: list[RegionEvidenceShape | EvidenceShape]


class ShownVisual(BaseModel):
    """A drawing: a link to it, of which item, how it shows it, and whether it is generated."""

    visual_id: str
    item_id: str
    url: str
    mode: Literal["scene", "variation", "photo"]
    generated: bool


class ChatExtra(BaseModel):
    """The part of a chat answer that OpenAI's lacks. text: what is said, without Markdown; request: how the message was
    understood; relaxed: wishes not met."""

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
