"""German."""

from __future__ import annotations

from voicepipe.speech.languages.words import Grammar, Listening, numbered, phrases, spoken, word_set

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

GRAMMAR = Grammar(
    fillers=spoken("äh ähm öhm hm hmm äm"),
    openers=spoken("also naja und aber oder bitte eigentlich"),
    replies=spoken("ja nein nee doch okay ok gut genau richtig klar danke hallo tschüss oh ach so"),
    polite=spoken("bitte danke"),
    closers=spoken("heute morgen jetzt gestern noch wieder dann auch"),
    determiners=spoken(
        """
        der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner
        dein deine deinen unser unsere unseren ihr ihre ihren ihrem ihrer euer eure kein keine
        keinen jeder jede jedes jeden dieser diese dieses diesen diesem welche welcher welches
        """
    ),
    conjunctions=spoken(
        """
        und oder aber sondern weil dass ob wenn denn damit obwohl falls bevor nachdem sobald während
        als
        """
    ),
    dangling=spoken(
        """
        sehr ganz herr frau doktor dr am im vom zum zur ins beim nicht ich's gibt's zirka etwa
        ungefähr
        """
    ),
    prepositions=spoken(
        """
        für von bei ohne durch gegen seit wegen trotz zwischen unter über hinter neben vor in nach
        mit um bis pro per
        """
    ),
    subjects=spoken("ich wir er man"),
    pronouns=spoken("sie es du ihr das mich mir ihn ihm uns euch ihnen dich dir"),
    verb_last=spoken(
        """
        kann können könnte könnten könnten soll sollen sollte muss müssen darf dürfen würde würden
        """
    ),
    infinitive_endings=("en", "ern", "eln", "tun", "sein"),
    questions=spoken("was wer wen wem wo wann wie warum wieso weshalb wohin woher"),
    transitives=spoken(
        """
        möchte brauche hätte suche will nehme habe bin ist sind war heiße heißt lautet kostet wäre
        hat haben
        """
    ),
    clausals=spoken("glaube denke meine hoffe sage weiß"),
    numerals=numbered(
        """
        null: 0, eins ein: 1, zwei zwo: 2, drei: 3, vier: 4, fünf: 5, sechs: 6, sieben: 7, acht: 8,
        neun: 9, zehn: 10, elf: 11, zwölf: 12, dreizehn: 13, vierzehn: 14, fünfzehn: 15, sechzehn:
        16, siebzehn: 17, achtzehn: 18, neunzehn: 19, zwanzig: 20, dreißig: 30, vierzig: 40,
        fünfzig: 50, sechzig: 60, siebzig: 70, achtzig: 80, neunzig: 90
        """
    ),
    number_nouns=numbered(
        """
        nummer code pin bestellnummer kundennummer auftragsnummer buchungsnummer vorgangsnummer
        ziffern: 4, postleitzahl kontonummer: 5, telefonnummer handynummer rufnummer: 7,
        kartennummer: 13, iban: 12
        """
    ),
    bare_number_nouns=spoken(
        """
        nummer code pin bestellnummer kundennummer auftragsnummer buchungsnummer vorgangsnummer
        ziffern postleitzahl kontonummer telefonnummer handynummer rufnummer kartennummer iban
        """
    ),
    figures=spoken("ziffern stellen zahlen"),
    months=spoken("januar februar märz april mai juni juli august september oktober november dezember"),
    dots=spoken("punkt"),
    helping=spoken("helfen tun"),
    reasons=spoken("warum wieso weshalb wann"),
    wishes=spoken("bitte nennen sagen geben brauche"),
    birth=spoken("geboren geburtsdatum geburtstag"),
    mail=spoken("mail email mailadresse"),
)
