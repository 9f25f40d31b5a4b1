"""Spanish."""

from __future__ import annotations

from voicepipe.speech.languages.words import Grammar, Listening, numbered, phrases, spoken, word_set

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

GRAMMAR = Grammar(
    fillers=spoken("eh em este mmm um"),
    openers=spoken("pues bueno y pero o entonces mira"),
    replies=spoken("sí no vale claro bien hola gracias adiós okay ok ah oh"),
    polite=spoken("gracias favor"),
    closers=spoken("hoy mañana ayer ahora también ya luego"),
    determiners=spoken(
        """
        el la los las un una unos unas mi mis tu tus su sus nuestro nuestra cada este esta estos
        estas ese esa algún alguna ningún cualquier
        """
    ),
    conjunctions=spoken("y e o u pero porque que si aunque cuando mientras como ni sino"),
    dangling=spoken("muy tan señor señora doctor doctora al del más menos se me le les nos te lo casi"),
    prepositions=spoken("a de en con por para sin sobre entre hasta desde hacia según contra durante tras"),
    subjects=spoken("yo nosotros ellos ellas"),
    pronouns=spoken("usted ustedes él ella eso esto"),
    questions=spoken("qué quién cuál cuándo dónde cómo cuánto cuánta cuántos por"),
    transitives=spoken(
        """
        quiero quisiera necesito tengo busco puedo podría puede debo es son está están era fue soy
        estoy hay quería gustaría hacer he ha han voy
        """
    ),
    clausals=spoken("creo pienso espero"),
    numerals=numbered(
        """
        cero: 0, uno una: 1, dos: 2, tres: 3, cuatro: 4, cinco: 5, seis: 6, siete: 7, ocho: 8,
        nueve: 9, diez: 10, once: 11, doce: 12, trece: 13, catorce: 14, quince: 15, dieciséis: 16,
        diecisiete: 17, dieciocho: 18, diecinueve: 19, veinte: 20, treinta: 30, cuarenta: 40,
        cincuenta: 50, sesenta: 60, setenta: 70, ochenta: 80, noventa: 90
        """
    ),
    number_nouns=numbered(
        """
        número código pin referencia pedido dígitos: 4, postal cuenta: 5, teléfono móvil celular: 7,
        tarjeta: 13, iban: 12
        """
    ),
    bare_number_nouns=spoken("número código pin dígitos iban"),
    figures=spoken("dígitos cifras números"),
    months=spoken(
        """
        enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
        """
    ),
    dots=spoken("punto"),
    helping=spoken("ayudar ayudarle ayudarte"),
    reasons=spoken("cuándo"),
    wishes=spoken("dígame diga dime necesito indique favor"),
    birth=spoken("nacimiento nació naciste"),
    mail=spoken("correo email mail"),
)
