"""Spanish."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        sí, sip, ajá, ah, ah ya, oh, uh, eh, ya, ya ya, ya veo, ya entiendo, ya sé, claro, claro que sí
        por supuesto, vale, bueno, bien, muy bien, está bien, de acuerdo, entiendo, entendido, comprendo
        lo entiendo, lo sé, perfecto, genial, estupendo, excelente, qué bien, qué bueno, correcto, exacto
        exactamente, eso, eso es, así es, es verdad, cierto, es cierto, verdad, de veras, en serio
        no me digas, interesante, qué interesante, desde luego, sin duda, naturalmente, seguro
        tiene sentido, órale, ándale, dale, listo, sale, okey
        """
    ),
    refusals=phrases("eh eh"),
    safety=phrases(
        """
        para ya, pare ya, basta, basta ya, cállate, cállese, detente, deténgase, espera un momento
        espere un momento, deja de hablar, deje de hablar
        """
    ),
    safety_alone=phrases(
        """
        para, pare, alto, silencio, calla, un momento, ya basta, es suficiente, suficiente, pausa, espera
        espere
        """
    ),
    softeners=phrases(
        """
        por favor, ya, ahora, oye, oiga, no, gracias, perdón, perdona, perdone, un segundo
        ahora mismo
        """
    ),
    objects=word_set("el la los las un una mi mis su sus con de a en"),
    negations=word_set("no nunca sin que"),
)
