"""Portuguese, of Portugal and of Brazil."""

from __future__ import annotations

from voicepipe.speech.languages.words import Listening, phrases, word_set

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
