"""Italian."""

from __future__ import annotations

from voicepipe.speech.languages.words import Grammar, Listening, numbered, phrases, spoken, word_set

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

GRAMMAR = Grammar(
    fillers=spoken("ehm eh uhm mmm"),
    openers=spoken("allora beh e ma o dunque quindi cioè"),
    replies=spoken("sì no certo bene okay ok ciao buongiorno salve grazie ah oh già"),
    polite=spoken("grazie favore"),
    closers=spoken("oggi domani ieri adesso ora anche ancora già"),
    determiners=spoken(
        """
        il lo la i gli le un uno una l' un' mio mia miei mie tuo tua suo sua suoi sue nostro nostra
        vostro vostra ogni questo questa quel quella quello alcuni alcune qualche
        """
    ),
    conjunctions=spoken("e ed o ma perché che se quando mentre come né oppure anche"),
    dangling=spoken(
        """
        molto troppo più meno signor signora dottor al alla ai alle dal dalla del della dei delle
        dello nel nella sul sulla col non mi ti si ci vi
        """
    ),
    prepositions=spoken("a di da in con su per tra fra senza verso fino dopo prima durante contro"),
    subjects=spoken("io noi loro"),
    pronouns=spoken("lei lui voi tu questo quello"),
    questions=spoken("cosa chi quale quando dove come quanto quanta quanti perché"),
    transitives=spoken(
        """
        vorrei voglio devo posso può potrebbe potrei ho ha abbiamo è sono sei era cerco prendo fare
        avere volevo c'è
        """
    ),
    clausals=spoken("credo penso spero"),
    numerals=numbered(
        """
        zero: 0, uno una: 1, due: 2, tre: 3, quattro: 4, cinque: 5, sei: 6, sette: 7, otto: 8, nove:
        9, dieci: 10, undici: 11, dodici: 12, tredici: 13, quattordici: 14, quindici: 15, sedici:
        16, diciassette: 17, diciotto: 18, diciannove: 19, venti: 20, trenta: 30, quaranta: 40,
        cinquanta: 50, sessanta: 60, settanta: 70, ottanta: 80, novanta: 90
        """
    ),
    number_nouns=numbered(
        """
        numero codice pin ordine pratica cifre: 4, cap conto: 5, telefono cellulare: 7, carta: 13,
        iban: 12
        """
    ),
    bare_number_nouns=spoken("numero codice pin cifre iban cap"),
    figures=spoken("cifre"),
    months=spoken(
        """
        gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre
        dicembre
        """
    ),
    dots=spoken("punto"),
    helping=spoken("aiutare aiutarla aiutarti"),
    reasons=spoken("perché quando"),
    wishes=spoken("dica dammi può serve favore"),
    birth=spoken("nascita nato nata"),
    mail=spoken("mail email posta"),
)
