"""Feedback: what an event says of its item, positive, neutral or negative, and how strongly.

`judge` reads it off the columns of the events by one scheme, which it names in words:

- Conditions decide first. `positive` and `negative` are filters (`genrec.data.filters`) over rating, kind, quantity,
  amount and whatever other columns the events have. With both, what meets neither is neutral, and so is what meets
  both, which a note counts. With `positive` alone, what does not meet it is negative where the rules below call it
  negative, else neutral; with `negative` alone, what does not meet it is positive where they call it positive, else
  neutral. `positive` = "all" makes every event positive with strength 1: the protocol of the field's papers.
- An explicit rating judges: on the scale that the ratings are found to have, 70 % of the way up and more is positive,
  34 % and less negative, between is neutral (4 and 5 of five stars, 1 and 2). Yes or no and thumbs (0 and 1, -1 and 1)
  are positive or negative. A rating that lies apart below the scale (-1, or 0 below whole ratings of 1 and more where
  it is common) is none. A single value says nothing of anyone's taste. Strengths are relative to the person's own
  mean.
- Numbers without an upper end, such as plays, are amounts, which are never negative: one of 0 is neutral, any other
  positive, its strength relative to the person's own mean, in logarithms.
- A kind of event is looked up in a table: purchases say more than carts, those more than likes, those more than views.
  Unknown kinds are positive, and a note names them. Where there is a rating, too, the kind gives its strength.
- Returns cancel. Of what a person bought of an item, with quantities or without, the returns are taken off: what was
  returned whole is neutral, and so is every return. It is no dislike: people return what they liked but what did not
  fit, came late or broken, or was one of two sizes.

An ordinary positive event has strength 1; where all positive events of a log are of one kind, that kind is ordinary.
Knows columns of numbers and texts; deliberately knows nothing of files, nor of what is made of feedback.
"""

from genrec.data.feedback.columns import DETAILS, EventColumns, Judged, column_of, scheme_of
from genrec.data.feedback.judging import ALL, judge

__all__ = ["ALL", "DETAILS", "EventColumns", "Judged", "column_of", "judge", "scheme_of"]
