"""The caller's attempts to take the word, sounds that were none, and the agent's that cut the caller off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voicepipe.compare.plan import Scripted
from voicepipe.config.conversations import ConversationTest, StepExpectation
from voicepipe.core.units import SECOND
from voicepipe.observe.evidence import Evidence, Reply
from voicepipe.speech.backchannels import Said, classify
from voicepipe.transports.conversation import Utterance
from voicepipe.transports.wav import Typed


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the caller said, typed or made a noise of into a reply that was being heard.

    ``interrupts``: it was to silence the agent; else it was to be ignored. ``cut``: the reply was cut off
    before the caller's next words. ``silent_ns``: from its first sound to the last of the reply.
    """

    interrupts: bool
    cut: bool
    silent_ns: int


def attempts(call: Scripted, evidence: Evidence, language: str) -> list[Attempt]:
    """Those of the script's utterances that have a time in a reply, and were begun while one was heard.

    What is to become of one is what the script expects after it: that it is ignored, or that the reply is
    interrupted or silent soon. Where it says neither, a noise and words of agreement are to be ignored
    (``speech.backchannels``), and all else interrupts.
    """
    onsets = [moment.onset_ns for moment in evidence.steps if moment.onset_ns is not None]
    found: list[Attempt] = []
    for index, number, utterance in _into_replies(call):
        onset_ns = evidence.steps[index].onset_ns
        reply = None if onset_ns is None else evidence.spoken_at(onset_ns)
        if onset_ns is None or reply is None:
            continue
        until_ns = min((later for later in onsets if later > onset_ns), default=evidence.ended_ns + 1)
        wanted = None if call.test is None else _expected(call.test.test, index)
        found.append(
            Attempt(
                interrupts=_means_it(call, number, utterance, language) if wanted is None else wanted,
                cut=_cut_between(reply, onset_ns, until_ns),
                silent_ns=evidence.silent_ns(reply, onset_ns) - onset_ns,
            )
        )
    return found


def cut_ins(call: Scripted, evidence: Evidence, rate: int) -> int:
    """Replies that were begun, by the decision or by the first sound, while the caller still had speech to
    come in a clip (at ``rate``) that wasn't said into a reply."""
    spans: list[tuple[int, int]] = []
    for item, moment in zip(call.script, evidence.steps, strict=True):
        if not isinstance(item, Utterance) or isinstance(item.what, Typed) or moment.onset_ns is None:
            continue
        into = item.into_ns is not None and evidence.spoken_at(moment.onset_ns) is not None
        if not into and moment.began_ns is not None:
            spans.append((moment.onset_ns, moment.began_ns + item.what.end_of_speech * SECOND // rate))
    return sum(_within(reply, spans) for reply in evidence.replies.values())


def _within(reply: Reply, spans: Sequence[tuple[int, int]]) -> bool:
    begins = [at_ns for at_ns in (reply.began_ns, reply.audible_ns) if at_ns is not None]
    return any(start < at_ns < end for at_ns in begins for start, end in spans)


def _into_replies(call: Scripted) -> Iterator[tuple[int, int, Utterance]]:
    """Place in the script, number among the utterances, and the utterance."""
    said = [(index, item) for index, item in enumerate(call.script) if isinstance(item, Utterance)]
    for number, (index, item) in enumerate(said):
        if item.into_ns is not None:
            yield index, number, item


def _expected(test: ConversationTest, index: int) -> bool | None:
    """Whether what is said in step ``index`` is to interrupt; None if the test doesn't tell."""
    for step in test.steps[index + 1 :]:
        if step.user is not None:
            break
        if step.expect is not None and (wanted := _of_step(step.expect)) is not None:
            return wanted
    return None


def _of_step(expect: StepExpectation) -> bool | None:
    if expect.ignored or expect.interrupted is False or expect.paused_at_most is not None:
        return False
    if expect.ignored is False or expect.interrupted or expect.silent_within is not None:
        return True
    return True if expect.heard_only else None


def _means_it(call: Scripted, number: int, utterance: Utterance, language: str) -> bool:
    if isinstance(utterance.what, Typed):
        return True
    words = call.reference[number] if number < len(call.reference) else None
    if words is None and utterance.what.captions is not None:
        words = " ".join(utterance.what.captions[frame] for frame in sorted(utterance.what.captions))
    if words is None:
        return True
    return classify(words, language) not in (Said.NOTHING, Said.BACKCHANNEL)


def _cut_between(reply: Reply, start_ns: int, until_ns: int) -> bool:
    cut = reply.report.status == "interrupted" and reply.ended_ns is not None
    return cut and start_ns <= (reply.ended_ns or 0) < until_ns
