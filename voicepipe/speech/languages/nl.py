"""Dutch."""

from __future__ import annotations

from voicepipe.speech.languages.words import Grammar, Listening, numbered, phrases, spoken, word_set

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

GRAMMAR = Grammar(
    fillers=spoken("eh uh ehm uhm hmm"),
    openers=spoken("nou dus en maar of eigenlijk even"),
    replies=spoken("ja nee jawel oké ok goed precies klopt hallo hoi dag bedankt oh ach"),
    polite=spoken("alsjeblieft alstublieft bedankt"),
    closers=spoken("vandaag morgen gisteren nu ook nog weer dan"),
    determiners=spoken(
        """
        de het een mijn uw jouw zijn haar ons onze hun elke elk deze dit geen welke welk ieder
        iedere
        """
    ),
    conjunctions=spoken("en of maar want omdat dat als terwijl hoewel zodat toen voordat nadat"),
    dangling=spoken("heel erg zeer meneer mevrouw dokter niet ongeveer bijna te"),
    prepositions=spoken(
        """
        voor van met bij zonder door tegen sinds tussen onder over achter naast in naar om tot per
        vanaf
        """
    ),
    subjects=spoken("ik wij we hij ze"),
    pronouns=spoken("je jij u het zij dat dit mij me hem ons hen"),
    verb_last=spoken("kan kunt kunnen zou zouden moet moeten mag mogen"),
    infinitive_endings=("en", "aan", "oen", "ien", "ijn"),
    questions=spoken("wat wie waar wanneer hoe waarom waarheen"),
    transitives=spoken("wil wilde zoek neem heb heeft hebben is zijn was ben heet kost nodig"),
    clausals=spoken("denk geloof hoop"),
    numerals=numbered(
        """
        nul: 0, één: 1, twee: 2, drie: 3, vier: 4, vijf: 5, zes: 6, zeven: 7, acht: 8, negen: 9,
        tien: 10, elf: 11, twaalf: 12, dertien: 13, veertien: 14, vijftien: 15, zestien: 16,
        zeventien: 17, achttien: 18, negentien: 19, twintig: 20, dertig: 30, veertig: 40, vijftig:
        50, zestig: 60, zeventig: 70, tachtig: 80, negentig: 90
        """
    ),
    number_nouns=numbered(
        """
        nummer code pin pincode bestelnummer ordernummer klantnummer cijfers: 4, postcode
        rekeningnummer: 5, telefoonnummer: 7, kaartnummer: 13, iban: 12
        """
    ),
    bare_number_nouns=spoken(
        """
        nummer code pin pincode bestelnummer ordernummer klantnummer cijfers postcode rekeningnummer
        telefoonnummer kaartnummer iban
        """
    ),
    figures=spoken("cijfers"),
    months=spoken(
        """
        januari februari maart april mei juni juli augustus september oktober november december
        """
    ),
    dots=spoken("punt"),
    helping=spoken("helpen doen"),
    reasons=spoken("waarom wanneer"),
    wishes=spoken("alsjeblieft alstublieft geef zeg noem nodig"),
    birth=spoken("geboren geboortedatum"),
    mail=spoken("mail email mailadres"),
)
