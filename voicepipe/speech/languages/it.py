"""Italian."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        sì, sì sì, eh sì, ah sì, già, certo, certamente, certo che sì, come no, va bene, bene, molto bene
        benissimo, d'accordo, capito, ho capito, capisco, vedo, lo so, esatto, esattamente, giusto
        perfetto, ottimo, ok bene, bello, bella, magnifico, fantastico, stupendo, davvero, sul serio
        interessante, naturalmente, ovvio, ovviamente, assolutamente, senz'altro, infatti, appunto, vero
        è vero, ecco, ah, ah ecco, oh, eh, beh, ha senso, ci mancherebbe, dai
        """
    ),
    refusals=phrases("eh no"),
    safety=phrases(
        """
        fermati, si fermi, basta, basta così, stai zitto, stia zitto, stai zitta, smettila, la smetta
        aspetta un attimo, aspetti un attimo, smetti di parlare, smetta di parlare
        """
    ),
    safety_alone=phrases(
        """
        ferma, zitto, zitta, silenzio, alt, un attimo, un momento, pausa, aspetta, aspetti
        """
    ),
    softeners=phrases(
        """
        per favore, per piacere, adesso, ora, ehi, no, grazie, scusa, scusi, subito
        """
    ),
    objects=word_set("il lo la i gli le un uno una il mio la mia con di a in"),
    negations=word_set("non mai senza"),
)
