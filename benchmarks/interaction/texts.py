"""What synthesised callers say."""

from __future__ import annotations

REQUESTS = (
    "where is my order",
    "can you tell me when it will arrive",
    "i would like to change the delivery address please",
    "could you send it to my office instead of my home",
    "what time do you close on friday",
    "i need to cancel the second item on my order",
    "is there any way to get it before the weekend",
    "my name is anna and i called you yesterday morning",
    "please put the lamp and the chair into the same box",
    "how much does it cost to have it delivered tomorrow",
    "i think the number on the label was wrong",
    "would you read the last part to me again",
    "we are going to be on holiday from monday until the end of the month",
    "send me a message when the driver is ten minutes away",
    "turn on the light in the kitchen and close the window",
    "the red one was broken when i opened the package",
)

INTERRUPTIONS = (
    "wait a moment please",
    "stop",
    "no that is not what i asked",
    "sorry can i ask you something else",
    "hold on i have another question",
    "actually i want to cancel it",
    "that is the wrong address",
    "i need it on thursday not on friday",
    "can you start again from the beginning",
    "what about the other package",
    "no no the blue one",
    "let me speak to a person",
    "how much is that going to cost",
    "excuse me",
    "i already know that",
)

BACKCHANNELS = ("uh-huh", "okay", "right", "mm-hmm", "yeah", "yes", "i see", "yeah yeah", "oh okay")
"""Said while somebody else speaks, and not in order to speak oneself."""
