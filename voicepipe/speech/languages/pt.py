"""Portuguese, of Portugal and of Brazil."""

from __future__ import annotations

from voicepipe.speech.languages.words import Grammar, Listening, numbered, phrases, spoken, word_set

LISTENING = Listening(
    backchannels=phrases(
        """
        sim, sim sim, pois, pois é, pois sim, é, é isso, isso, isso mesmo, isso aí, claro, claro que sim
        com certeza, certo, tá, tá bom, tá certo, tá bem, está bem, está bom, tudo bem, bem, muito bem
        bom, ótimo, legal, beleza, entendi, entendo, percebo, percebi, compreendo, compreendi, entendido
        sei, eu sei, já sei, de acordo, combinado, perfeito, excelente, maravilha, fixe, exato, exatamente
        exacto, correto, verdade, é verdade, sério, a sério, é mesmo, mesmo, interessante, que bom
        que legal, lógico, naturalmente, sem dúvida, faz sentido, pronto, ah, ah tá, ah sim, oh, uh, ahã
        arrã, uhum, aham, né
        """
    ),
    refusals=phrases("ã ã"),
    safety=phrases(
        """
        pare com isso, chega, basta, cala a boca, cale se, cala te, fica quieto, fique quieto, espera aí
        espere aí, espera um pouco, espere um pouco, para de falar, pare de falar
        """
    ),
    safety_alone=phrases(
        """
        para, pare, parem, silêncio, quieto, quieta, um momento, só um momento, um minuto, pausa, espera
        espere
        """
    ),
    softeners=phrases(
        """
        por favor, já, agora, ei, não, obrigado, obrigada, desculpa, desculpe, um pouco
        se faz favor
        """
    ),
    objects=word_set("o a os as um uma meu minha seu sua com de em no na"),
    negations=word_set("não nunca sem que"),
)

GRAMMAR = Grammar(
    fillers=spoken("hum hã éh ahn hmm"),
    openers=spoken("então bom olha e mas ou pois"),
    replies=spoken("sim não claro tá certo bem okay ok olá oi obrigado obrigada ah oh"),
    polite=spoken("obrigado obrigada favor"),
    closers=spoken("hoje amanhã ontem agora também já ainda"),
    determiners=spoken(
        """
        o a os as um uma uns umas meu minha meus minhas teu tua seu sua seus suas nosso nossa cada
        este esta esse essa aquele aquela algum alguma nenhum qualquer
        """
    ),
    conjunctions=spoken("e ou mas porque que se quando enquanto como nem embora"),
    dangling=spoken(
        """
        muito tão mais menos senhor senhora doutor doutora ao à do da dos das no na nos nas num numa
        pelo pela não me te lhe quase
        """
    ),
    prepositions=spoken("de em com por para sem sobre entre até desde contra durante após pra"),
    subjects=spoken("eu nós eles elas"),
    pronouns=spoken("você vocês ele ela isso isto"),
    questions=spoken("quem qual quando onde quanto quanta quantos"),
    transitives=spoken(
        """
        quero queria gostaria preciso tenho posso podia poderia pode é são está estão era foi sou
        estou há tem ter fazer vou procuro
        """
    ),
    clausals=spoken("acho penso espero"),
    numerals=numbered(
        """
        zero: 0, um uma: 1, dois duas: 2, três: 3, quatro: 4, cinco: 5, seis meia: 6, sete: 7, oito:
        8, nove: 9, dez: 10, onze: 11, doze: 12, treze: 13, catorze quatorze: 14, quinze: 15,
        dezesseis: 16, dezessete: 17, dezoito: 18, dezenove: 19, vinte: 20, trinta: 30, quarenta:
        40, cinquenta: 50, sessenta: 60, setenta: 70, oitenta: 80, noventa: 90
        """
    ),
    number_nouns=numbered(
        """
        número código pin pedido protocolo dígitos: 4, postal cep conta: 5, telefone celular
        telemóvel: 7, cartão: 13, cpf: 11
        """
    ),
    bare_number_nouns=spoken("número código pin dígitos cep cpf"),
    figures=spoken("dígitos algarismos números"),
    months=spoken(
        """
        janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
        """
    ),
    dots=spoken("ponto"),
    helping=spoken("ajudar ajudá"),
    reasons=spoken("quando"),
    wishes=spoken("diga informe preciso favor"),
    birth=spoken("nascimento nasceu"),
    mail=spoken("email mail correio"),
)
