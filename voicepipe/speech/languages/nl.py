"""Dutch."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        ja, ja ja, jaja, jawel, jazeker, jep, klopt, dat klopt, precies, juist, inderdaad, zeker
        natuurlijk, uiteraard, goed, heel goed, prima, oké, is goed, dat is goed, akkoord, begrepen
        ik begrijp het, begrijp ik, duidelijk, snap ik, ik snap het, gesnapt, ik weet het, weet ik, mooi
        heel mooi, fijn, leuk, super, top, perfect, geweldig, uitstekend, echt, echt waar, oh echt
        interessant, tuurlijk, absoluut, helemaal, vast, logisch, ach, ach ja, ah, aha, oh, oh ja, o ja
        eh, uh, nou, zo, tja, dat is waar, kan kloppen
        """
    ),
    refusals=phrases("uh uh, eh eh"),
    safety=phrases(
        """
        stop maar, hou op, houd op, hou je mond, houd je mond, wees stil, wacht even, wacht eens
        """
    ),
    safety_alone=phrases(
        """
        stil, stilte, ophouden, genoeg, dat is genoeg, zo is het genoeg, momentje, een moment
        een momentje, pauze, wacht
        """
    ),
    softeners=phrases(
        """
        alsjeblieft, alstublieft, nu, hé, nee, sorry, bedankt, dank je, even, maar, eens, een moment
        """
    ),
    objects=word_set("de het een mijn uw je alle bij in met van op"),
    negations=word_set("niet nooit geen zonder volgende"),
)
