"""What ``record:`` may say: whether calls are kept, for how long, and what nobody may read of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from voicepipe.config.tool_models import Model
from voicepipe.core.units import SECOND, ConfigPath, Duration

Private = Literal["card", "phone", "email", "iban", "digits"]
"""What can be kept out of whatever is written down; ``observe.redact`` says what each is."""

LONGEST_KEEP = 10 * 365 * 86_400 * SECOND


class RecordConfig(Model):
    """Off without a `dir`. `redact` holds for the event log, the report and traces, also without one."""

    dir: ConfigPath | None = Field(
        None, description="each call is written to a folder of its own in it; made if it isn't there"
    )
    audio: Literal["stereo", "none"] | None = Field(
        None, description="caller left, agent right; stereo if nothing is said, or no audio at all"
    )
    keep: Duration | None = Field(
        None,
        ge=3600 * SECOND,
        le=LONGEST_KEEP,
        description="recordings that are older are deleted when a call begins; forever if nothing is said",
    )
    redact: tuple[Private, ...] = Field(
        (), description="what is masked in everything that is written down, and silenced in the audio"
    )

    @model_validator(mode="after")
    def _has_a_folder(self) -> RecordConfig:
        given = [name for name in ("audio", "keep") if getattr(self, name) is not None]
        if self.dir is None and given:
            raise ValueError(f"'{given[0]}' is of no use without 'dir', the folder for the recordings")
        return self

    @property
    def with_audio(self) -> bool:
        return self.dir is not None and self.audio != "none"

    def rehearsed(self) -> RecordConfig:
        """The same for calls that aren't kept: what is masked stays so."""
        return RecordConfig(redact=self.redact)
