"""The exception tree: everything genrec raises on purpose.

    GenrecError
    ├── InputError (also ValueError)    the caller's input; the command line exits 2
    │   ├── ConfigError                 an unknown or ill-typed setting
    │   ├── SourceError                 a source that cannot be read, or holds nothing usable
    │   ├── UnknownItem · UnknownUser   an identifier that is not in the workspace
    │   ├── FilterError                 a filter that cannot be read, or leaves nothing
    │   ├── ShapeError                  an array of another shape than was fitted
    │   ├── ArtifactError               a stage that is missing, broken or of another version
    │   ├── WorkspaceBusy               a workspace that another process writes
    │   ├── IdTableMismatch             parts made for different semantic IDs
    │   ├── PromptError                 a prompt template that is missing or misused
    │   ├── RequestRefused              words or a picture that the safety check lets not pass
    │   └── StoreError                  a database that cannot be used
    ├── WriterBusy                      the language model has too much else to say; templates say it
    ├── ModelEnded                      the model's process ended; it is started again
    └── StageFailed                     our own fault, with the stage that failed

Every message says what was found, what was wanted and what to do next, on one line.
"""

USER_AND_HISTORY = "both a user and a history were given; give one of them"


class GenrecError(Exception):
    """Base of every error genrec raises on purpose."""


class InputError(GenrecError, ValueError):
    """Something the caller gave cannot be used."""


class ConfigError(InputError):
    """A setting is unknown or has the wrong type."""


class SourceError(InputError):
    """A data source cannot be read, or holds nothing usable."""


class UnknownItem(InputError):
    """An item identifier is not in the catalog."""


class UnknownUser(InputError):
    """A user identifier has no interactions in the workspace."""


class FilterError(InputError):
    """A filter cannot be read, or leaves no item."""


class ShapeError(InputError):
    """An array has another shape than the one that was fitted."""


class ArtifactError(InputError):
    """A stage directory is missing, broken, stale or of another version."""


class WorkspaceBusy(InputError):
    """A workspace is being written by another process."""


class IdTableMismatch(InputError):
    """Two parts were made for different semantic IDs."""


class PromptError(InputError):
    """A prompt template is missing, or was given the wrong variables."""


class RequestRefused(InputError):
    """What is asked for, or was drawn, is nothing that the safety check lets pass; nothing was written."""


class StoreError(InputError):
    """The server's database cannot be used."""


class PersonErased(InputError):
    """A person was erased after something of theirs had begun, which therefore is not stored."""


class WriterBusy(GenrecError):
    """The language model has too many other texts to write for this one to be in time."""


class ModelEnded(GenrecError):
    """The process in which the model works ended before its answer."""


class StageFailed(GenrecError):
    """A stage could not finish for a reason that is not the caller's."""
