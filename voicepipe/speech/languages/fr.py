"""French."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        oui, ouais, ouaip, oui oui, mais oui, ben oui, ah oui, d'accord, ok d'accord, entendu
        bien entendu, compris, j'ai compris, je comprends, je vois, je sais, bien, très bien, c'est bien
        bon, ah bon, bien sûr, sûr, parfait, super, génial, excellent, formidable, chouette, exact
        exactement, tout à fait, absolument, voilà, c'est ça, c'est vrai, c'est exact, c'est bon
        ça marche, ça va, vraiment, sans blague, intéressant, évidemment, effectivement, en effet, certes
        certainement, volontiers, vrai, ah, oh, euh, hein, eh ben
        """
    ),
    refusals=phrases("euh non"),
    safety=phrases(
        """
        arrête, arrêtez, arrêtez ça, arrête ça, tais toi, taisez vous, ça suffit, attends un peu
        attendez un peu, attendez un instant, attends une seconde, arrête de parler, arrêtez de parler
        """
    ),
    safety_alone=phrases(
        """
        silence, assez, c'est assez, un instant, une seconde, un moment, chut, pause, halte
        """
    ),
    softeners=phrases(
        """
        s'il vous plaît, s'il te plaît, maintenant, hé, non, merci, pardon, attends, attendez
        tout de suite, là, un peu
        """
    ),
    objects=word_set("le la les l un une des mes mon ma ton ta votre vos de à au dans en"),
    negations=word_set("pas jamais sans n ne"),
)
