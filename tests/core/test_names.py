from voicepipe.core.names import did_you_mean, nearest


def test_a_typing_error_finds_the_name_that_was_meant() -> None:
    assert nearest("find_slto", ["end_call", "find_slot"]) == "find_slot"
    assert did_you_mean("sst", ["vad", "stt"]) == " Did you mean 'stt'?"


def test_the_case_of_letters_does_not_hide_a_name() -> None:
    assert nearest("FINDSLOT", ["findSlot", "other"]) == "findSlot"


def test_a_name_like_no_other_is_not_guessed() -> None:
    assert nearest("weather", ["vad", "stt"]) is None
    assert did_you_mean("weather", []) == ""


def test_an_endless_name_is_not_compared() -> None:
    assert nearest("x" * 101, ["x" * 100]) is None
