"""German."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        ja, jaja, ja ja, jap, jo, joa, jawohl, klar, na klar, alles klar, klaro, genau, richtig, stimmt
        ach, ach so, achso, ach ja, ah ja, ah so, aso, verstehe, ich verstehe, verstanden, gut, sehr gut
        na gut, in ordnung, geht klar, passt, einverstanden, sicher, natürlich, selbstverständlich
        absolut, eben, schön, sehr schön, prima, super, toll, perfekt, wunderbar, klasse, großartig
        interessant, echt, wirklich, ach was, ach wirklich, ach nein, weiß ich, ich weiß, das stimmt
        das ist richtig, sag bloß, das ist gut, das verstehe ich, macht sinn, das macht sinn, ah, aha, aah
        oh, oha, äh, ähm, öh, hä hm
        """
    ),
    refusals=phrases("mm mm, äh äh"),
    safety=phrases(
        """
        stopp, stopp mal, halt mal, sei still, seien sie still, sei ruhig, seien sie ruhig, hör auf
        hören sie auf, halt den mund, moment mal, einen moment, warte mal, warten sie mal
        """
    ),
    safety_alone=phrases(
        """
        halt, ruhe, ruhig, still, schluss, aufhören, genug, das reicht, es reicht, schweig, pause
        sei leise, moment
        """
    ),
    softeners=phrases(
        """
        bitte, jetzt, hey, nein, danke, mal, endlich, sofort, kurz, sorry, entschuldigung, warte
        warten sie, könnten sie, kannst du, jetzt mal
        """
    ),
    objects=word_set(
        "der die das den dem des ein eine einen einem meine meinen mein alle an am bei in im mit von"
    ),
    negations=word_set("nicht nie niemals kein keine keinen ohne nächste letzte"),
)
