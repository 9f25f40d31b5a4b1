"""English."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        mm, m, mhm, mm hm, mm hmm, mhmm, hm, hmm, hm hm, hmm mm, mm mm, mm mhm, uh huh, uhhuh, uhuh huh
        um hum, um hm, um hmm, umhum, aha, ah, aah, oh, ooh, uh, um, er, ha, haha, ha ha, hehe, he he, wow
        whoa, yeah, yea, ya, yah, yep, yup, yes, yess, aye, ok, okay, okey, k, mkay, kay, alright
        all right, right, sure, sure thing, of course, exactly, absolutely, definitely, certainly, totally
        indeed, correct, true, thats right, thats true, thats correct, thats fine, thats good, thats great
        thats it, i see, i know, i understand, i get it, i got it, i hear you, i got you, got it, got you
        gotcha, understood, makes sense, that makes sense, fair enough, i guess, i suppose, good, great
        cool, nice, fine, lovely, perfect, wonderful, excellent, awesome, amazing, brilliant, very good
        very nice, sounds good, sounds great, good to know, good point, really, oh really, is that so
        interesting, oh my, oh dear, oh no, oh well
        """
    ),
    refusals=phrases("uh uh, uhuh, nuh uh, unh unh"),
    safety=phrases(
        """
        stop, stop it, stop that, stop talking, stop speaking, be quiet, shut up, hold on, hang on
        hold it
        """
    ),
    safety_alone=phrases(
        """
        quiet, silence, hush, enough, thats enough, pause, be silent, wait stop, stop stop
        """
    ),
    softeners=phrases(
        """
        please, now, hey, just, wait, no, sorry, thanks, thank you, for now, a second, a moment, a minute
        would you, can you, could you, will you, i said, for a moment, for a second, for a minute
        right now, there
        """
    ),
    objects=word_set("the a an all my your our his her their every any at to in by on for with from"),
    negations=word_set("dont not never non cant wont without bus next last train"),
)
