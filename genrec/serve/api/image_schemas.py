"""Schemas of drawings: what a request for pictures may say, and what is answered.

OpenAI's names where OpenAI has them; what is ours stands beside them. Class names are the component names of OpenAPI,
so that renaming one changes the API. Knows no model and no store.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from genrec.serve.api.schemas import MAX_HISTORY, Body, DataUrl, History, Model, Name, Person, Text

MAX_PICTURES = 4
MAX_SEED = 2**53
MAX_PARTIAL = 100
Mode = Literal["scene", "variation", "photo"]
Pixel = Annotated[int, Field(ge=-(2**31), le=2**31)]
Photo = Annotated[DataUrl, Field(description="A data:image/…;base64,… URL, or base64 alone.")]


class ImageBody(Body):
    """A drawing of an item for a person. Without `item`, the item that the prompt speaks of is drawn, and its other
    words say where; with it, the prompt says where to show it. mode: scene (its own pixels in a place), variation
    (changed) or photo (in a photo of theirs), by default what the other fields say; change: how it is changed, empty
    toward the taste; box: left, top, width and height in the photo's pixels; mask: of the photo's size, white where the
    item may be; try_on: a painter of `try_ons`, which puts it on something there; strength: of the taste, 0 to 1.
    stream: as server-sent events, with each step."""

    prompt: Text = ""
    model: Model | None = None
    item: Name | None = None
    user: Person = None
    history: History | None = None
    disliked: Annotated[list[Name], Field(max_length=MAX_HISTORY)] | None = None
    mode: Mode | None = None
    change: Text | None = None
    photo: Photo | None = None
    box: Annotated[list[Pixel], Field(min_length=4, max_length=4)] | None = None
    mask: Photo | None = None
    try_on: Name | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_PICTURES)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    size: (
        Annotated[str, StringConstraints(max_length=16), Field(description="auto, or a square such as 512x512.")] | None
    ) = None
    response_format: Literal["b64_json", "url"] | None = None
    stream: bool | None = None
    partial_images: (
        Annotated[int, Field(ge=0, le=MAX_PARTIAL, description="Steps of each picture to stream; all without it.")]
        | None
    ) = None


class ShapingItem(BaseModel):
    """An item of the history that shaped a picture."""

    item_id: str
    title: str
    image: str | None


class DrawnImage(BaseModel):
    """One picture. url: a link to it, as long as it is stored; mode: as it was drawn; note: why that is not what was
    asked for, in one line; words_not_drawn: of the request; taste, colors (#rrggbb), shaped_by: what the history says,
    empty where nothing is known; cached: it was drawn before, for an equal request; generated: whether a
    trained model made any of it, else it is edited."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str
    item_id: str
    seed: int
    visual_id: str
    mode: Mode
    note: str
    words_not_drawn: list[str]
    taste: str
    colors: list[str]
    shaped_by: list[ShapingItem]
    scores: dict[str, float | None]
    cached: bool
    generated: bool


class ImageAnswer(BaseModel):
    """Pictures, each marked as generated or edited in its pixels and its text chunks."""

    created: int
    data: list[DrawnImage]
    output_format: Literal["png"]
    size: str


class CanceledDrawing(BaseModel):
    """A request whose drawings end before their next step."""

    id: str
    canceled: Literal[True]


class DrawingModes(BaseModel):
    """How items can be shown here. why_no_variations: null where they can be changed; strength: of the taste, where a
    request says none; try_ons: painters that are installed, by name."""

    modes: list[Mode]
    why_no_variations: str | None
    strength: float
    try_ons: list[str]


class VisualRecordAnswer(BaseModel):
    """How a drawing was made, and what was told of it."""

    visual_id: str
    item_id: str
    timestamp: int
    record: dict[str, Any]  # Any: JSON, see genrec.visualize.record
    told: dict[str, Any]  # Any: as above
