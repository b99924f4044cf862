"""Define the base of everything in a bundle: immutable, finite, and strict about its keys."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """An immutable part of a bundle that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
