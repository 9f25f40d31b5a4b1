"""French."""

from __future__ import annotations

from voicepipe.speech.languages.words import Grammar, Listening, numbered, phrases, spoken, word_set

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

GRAMMAR = Grammar(
    fillers=spoken("euh heu hum hmm ben"),
    openers=spoken("alors bon bah donc et mais ou enfin"),
    replies=spoken("oui non ouais d'accord ok okay bonjour salut merci bien voilà ah oh si"),
    polite=spoken("merci plaît"),
    closers=spoken("aujourd'hui demain hier maintenant aussi encore déjà"),
    determiners=spoken(
        """
        le la les un une des du mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce
        cet cette ces chaque quelques aucun aucune quel quelle quels quelles
        """
    ),
    conjunctions=spoken("et ou mais parce que qu si quand lorsque puisque comme car ni donc"),
    dangling=spoken(
        """
        très trop plus moins au aux monsieur madame docteur ne n l d j m t s c qu' l' d' j' m' n' c'
        s' t' j'ai j'aimerais c'est qu'est-ce se me te
        """
    ),
    prepositions=spoken(
        """
        à de en dans sur sous chez par entre vers sans contre pendant depuis jusque jusqu'à avec
        pour
        """
    ),
    subjects=spoken("je tu il elle on nous ils elles j'ai"),
    pronouns=spoken("vous ça cela lui moi toi eux"),
    questions=spoken("quoi qui où comment pourquoi combien"),
    transitives=spoken(
        """
        veux voudrais aimerais peux pourrais pouvez pourriez dois ai as a avez est sont suis était
        être avoir faire cherche prends vais va voulais faut souhaite souhaiterais
        """
    ),
    clausals=spoken("crois pense espère"),
    numerals=numbered(
        """
        zéro: 0, un une: 1, deux: 2, trois: 3, quatre: 4, cinq: 5, six: 6, sept: 7, huit: 8, neuf:
        9, dix: 10, onze: 11, douze: 12, treize: 13, quatorze: 14, quinze: 15, seize: 16, vingt: 20,
        trente: 30, quarante: 40, cinquante: 50, soixante: 60
        """
    ),
    number_nouns=numbered(
        """
        numéro code pin référence commande dossier chiffres: 4, postal compte: 5, téléphone
        portable: 7, carte: 13, iban: 12
        """
    ),
    bare_number_nouns=spoken("numéro code pin chiffres iban"),
    figures=spoken("chiffres"),
    months=spoken("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    dots=spoken("point"),
    helping=spoken("aider"),
    reasons=spoken("pourquoi quand"),
    wishes=spoken("donnez donner dites besoin plaît"),
    birth=spoken("naissance né née"),
    mail=spoken("mail email courriel"),
)
