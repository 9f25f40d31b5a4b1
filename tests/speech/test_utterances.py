from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.frames import SpeechStarted, Transcript
from voicepipe.core.units import MS
from voicepipe.speech.utterances import Utterances


def onset(position: int) -> SpeechStarted:
    return SpeechStarted(
        position=position, audio_from=position, onset_ns=position * MS, at_ns=(position + 64) * MS
    )


def words(utterance: int, text: str, *, final: bool = True) -> Transcript:
    return Transcript(utterance=utterance, revision=0, text=text, final=final, at_ns=0)


def said(*utterances: tuple[int, str, bool], over_reply: bool = False) -> Utterances:
    all_of_them = Utterances()
    for position, text, final in utterances:
        all_of_them.begin(onset(position), over_reply=over_reply)
        all_of_them.note(words(position, text, final=final))
    return all_of_them


def test_nothing_was_said_at_first_and_no_words_are_missing() -> None:
    nothing = Utterances()
    assert (nothing.text, nothing.any, nothing.final, nothing.latest) == ("", False, True, -1)
    assert not nothing.all_over_reply


def test_words_are_in_the_order_of_their_onsets_not_of_their_transcripts() -> None:
    heard = Utterances()
    heard.begin(onset(100), over_reply=False)
    heard.begin(onset(900), over_reply=False)
    heard.note(words(900, " four two "))
    heard.note(words(100, "my number is"))
    assert heard.text == "my number is four two"
    assert heard.latest == 900


def test_each_hypothesis_replaces_the_one_before_until_one_is_final() -> None:
    heard = said((0, "where", False))
    assert not heard.final
    heard.note(words(0, "where is it"))
    assert (heard.text, heard.final) == ("where is it", True)
    assert not heard.note(words(0, "something else"))
    assert heard.text == "where is it"


def test_words_are_missing_as_long_as_one_utterance_has_no_final_transcript() -> None:
    heard = said((0, "first", True), (10, "", False))
    assert not heard.final
    heard.note(words(10, ""))
    assert heard.final
    assert heard.text == "first"


def test_a_transcript_that_overtakes_its_own_onset_is_kept() -> None:
    heard = Utterances()
    assert heard.note(words(5, "hello"))
    heard.begin(onset(5), over_reply=True)
    assert heard.text == "hello"


def test_what_belongs_to_a_turn_that_was_taken_is_not_heard_again() -> None:
    heard = said((0, "first", False), (10, "second", True))
    heard.close()
    assert (heard.text, heard.any) == ("", False)
    assert not heard.note(words(0, "first after all"))
    assert not heard.note(words(10, "second"))
    assert heard.note(words(20, "third"))
    assert heard.text == "third"


def test_closing_when_nothing_was_said_closes_nothing_that_is_to_come() -> None:
    heard = Utterances()
    heard.close()
    assert heard.note(words(0, "hello"))


def test_of_a_sound_that_was_ignored_only_what_is_final_is_done_with() -> None:
    """The late words of a sound that was taken for a cough may still be an interruption."""
    heard = said((0, "uh-huh", True), (10, "", False))
    heard.close_final()
    assert not heard.note(words(0, "uh-huh"))
    assert heard.note(words(10, "no, wait"))
    assert heard.text == "no, wait"


def test_words_are_over_a_reply_only_if_all_of_them_began_so_and_nobody_owned_them() -> None:
    assert said((0, "yes", True), over_reply=True).all_over_reply
    mixed = said((0, "yes", True), over_reply=True)
    mixed.begin(onset(10), over_reply=False)
    assert not mixed.all_over_reply
    owned = said((0, "yes", True), over_reply=True)
    owned.own()
    assert not owned.all_over_reply
    assert owned.text == "yes"


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.sampled_from(["", "a", "b c"]), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_no_word_is_ever_heard_in_two_turns(happenings: list[tuple[int, str, bool, bool]]) -> None:
    heard = Utterances()
    taken: list[int] = []
    open_now: set[int] = set()
    for utterance, text, final, close in happenings:
        if heard.note(words(utterance, text, final=final)):
            assert utterance not in taken
            open_now.add(utterance)
        if close:
            taken += open_now
            open_now.clear()
            heard.close()
            assert heard.text == ""
