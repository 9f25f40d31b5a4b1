"""English."""

from __future__ import annotations

from voicepipe.speech.languages.words import (
    Grammar,
    Listening,
    numbered,
    phrases,
    spoken,
    spoken_phrases,
    word_set,
)

LISTENING = Listening(
    backchannels=phrases(
        """
        mm, m, mhm, mm hm, mm hmm, mhmm, hm, hmm, hm hm, hmm mm, mm mm, mm mhm, uh huh, uhhuh, uhuh huh
        um hum, um hm, um hmm, umhum, aha, ah, aah, oh, ooh, uh, um, er, ha, haha, ha ha, hehe, he he, wow
        whoa, yeah, yea, ya, yah, yep, yup, yes, yess, aye, ok, okay, okey, k, mkay, kay, alright
        all right, right, sure, sure thing, of course, exactly, absolutely, definitely, certainly, totally
        indeed, correct, true, thats right, thats true, thats correct, thats fine, thats good, thats great
        thats it, i see, i know, i understand, i get it, i got it, i hear you, i got you, got it, got you
        gotcha, understood, makes sense, that makes sense, fair enough, i guess, i suppose, good, great
        cool, nice, fine, lovely, perfect, wonderful, excellent, awesome, amazing, brilliant, very good
        very nice, sounds good, sounds great, good to know, good point, really, oh really, is that so
        interesting, oh my, oh dear, oh no, oh well
        """
    ),
    refusals=phrases("uh uh, uhuh, nuh uh, unh unh"),
    safety=phrases(
        """
        stop, stop it, stop that, stop talking, stop speaking, be quiet, shut up, hold on, hang on
        hold it
        """
    ),
    safety_alone=phrases(
        """
        quiet, silence, hush, enough, thats enough, pause, be silent, wait stop, stop stop
        """
    ),
    softeners=phrases(
        """
        please, now, hey, just, wait, no, sorry, thanks, thank you, for now, a second, a moment, a minute
        would you, can you, could you, will you, i said, for a moment, for a second, for a minute
        right now, there
        """
    ),
    objects=word_set("the a an all my your our his her their every any at to in by on for with from"),
    negations=word_set("dont not never non cant wont without bus next last train"),
)


def _forms(verbs: str) -> frozenset[str]:
    """Each regular verb of ``verbs`` with its -s, -ed and -ing; irregular forms are written out."""
    every: set[str] = set()
    for verb in verbs.split():
        stem = verb.removesuffix("e")
        past = f"{stem}ed" if verb[-1] != "y" or verb[-2] in "aeou" else f"{verb[:-1]}ied"
        third = f"{verb}es" if verb.endswith(("s", "sh", "ch", "x")) else past.replace("ied", "ies")
        every |= {verb, f"{verb}s" if third == past else third, past, f"{stem}ing"}
    return frozenset(every)


_TRANSITIVES = _forms(
    "want need like love hate use prefer mention include require describe provide reserve"
) | spoken(
    """
        get gets got getting have having make makes made making buy bought buying bring brought
        bringing put puts take took taking find found finding set add adds added lose give gives
        gave giving send sends sending tell tells told telling show shows showed let say says saying
        book booked booking see costs cost means wear catch spend hear build feel feels seems seem
        looks owe afford expect mind enjoy keeps recognize
        """
)
_OPTIONALS = _forms(
    """
        order cancel change check return pay call ask talk speak play start stop read close open
        confirm rent extend
        """
) | spoken(
    """
        know eat drink sell write pick forgot forget leave left try trying going calling looking
        able supposed
        """
)
_CLAUSALS = _forms("think hope believe wonder guess assume notice realize") | spoken(
    "thought said says saying told heard sure afraid wondering hoping thinking"
)
_MOVERS = _forms("turn switch add") | spoken("put puts putting set sets")
_INTRANSITIVES = _forms(
    """
        work help wait happen arrive sleep walk rain snow swallow hurt call live stay travel dance
        rest expire fail hurry
        """
) | spoken("come go home stop moved die fell went came ran woke")
_OTHERS = _forms(
    """
        arrive work help wait happen fail expire depend apply confuse fix repair deliver ship charge
        refund block freeze approve decline accept refuse reject repeat spell explain translate rain
        snow swallow live stay travel dial park walk lock skip record delete save load install reset
        restart dance cook print sign fill carry pull push press finish continue last end join miss
        reach search view test deposit withdraw earn reschedule prescribe sleep rest recover answer
        ring remember remind listen move visit clean transfer raise lower recommend include bounce
        close water dim vacuum sound hurt turn
        """
) | spoken(
    """
        wake rain do have hear go goes went gone come comes came run runs ran begin began broke
        broken fell felt kept grew knew met paid rang sat slept spent stood stole taught threw woke
        wore wrote written drove eaten drank flew forgotten chose sold sang spoken cut done has had
        does did taken given leaves fits hit swim sit stand lost said let get
        """
)

GRAMMAR = Grammar(
    fillers=spoken("um umm uh uhh er err erm hm hmm"),
    openers=spoken(
        """
        please just well so actually basically anyway listen look but and or then maybe also
        """
    ),
    replies=spoken(
        """
        thanks yes yeah yep yup no nope nah okay ok sure right alright fine oh ah hi hello hey
        goodbye bye
        """
    ),
    polite=spoken("please thanks"),
    answers=spoken_phrases(
        """
        thank you, that's it, that's all, how are you, i think so, i hope so, i guess so, i don't think so
        i don't know, i know, i see, i understand, you too, me too, one way, what for, why not, what else
        thank you very much, thanks a lot, good morning, good evening, good night, thank you goodbye
        excuse me, see you, help me, as soon as possible, if possible, what's up, come in, go on, so what
        as much as possible, not that i know of, the sooner the better, i don't care, never mind, all of it
        help, repeat, continue, i told you, i already told you, let me think, i'm sure, i'm not sure
        """
    ),
    closers=spoken(
        """
        today tonight tomorrow yesterday now too instead again anymore anyway though either then
        soon later already ago before
        """
    ),
    determiners=spoken("the a an my your our their its every no another some any his"),
    conjunctions=spoken("so and or but because nor while although unless whereas whether if than as since"),
    dangling=spoken(
        """
        very quite mr mrs ms dr saint i'm i'd i'll i've you're you'd you'll you've we're we'd we'll
        we've they're they'd they'll they've he's he'd he'll she's she'd she'll it's it'll that's
        that'll there's here's what's where's who's how's when's let's which per via into onto of
        upon toward towards between among during until till gonna wanna next last neither both even
        always never almost mostly whose not
        """
    ),
    prepositions=spoken(
        """
        to for with from at by about of in over under through without within against near behind
        beside after since around across along like except
        """
    ),
    particles=spoken("on off up down in out over back away around through along together apart by"),
    particle_verbs=_forms(
        "turn switch check log sign pick call wake open close lock fill print move hurry dim"
    )
    | spoken(
        """
        comes goes went stands stood put set take took bring brought send sent get got give gave
        come coming go going run ran running hang hung shut cut keep write sit stand throw break
        broke let logging hurry slow calm carry back walk
        """
    ),
    subjects=spoken("i we he she they"),
    pronouns=spoken(
        """
        you it this that these those there me him her them us one someone somebody anyone anybody
        everyone nobody
        """
    ),
    that=spoken("that"),
    recipients=spoken("me us him her them you"),
    contracted=spoken(
        """
        i'm i'd i'll i've you're you'd you'll you've we're we'd we'll we've they're they'd they'll
        they've he's she's it's that's there's here's what's where's who's how's when's let's he'll
        she'll it'll
        """
    ),
    be=spoken("is are was were am be been being isn't aren't wasn't weren't"),
    auxiliaries=spoken(
        """
        do does did don't doesn't didn't can can't cannot could couldn't will won't would wouldn't
        may might must should shouldn't has hasn't haven't had hadn't
        """
    ),
    object_questions=spoken("what who whom which where"),
    infinitive=spoken("to"),
    intransitives=_INTRANSITIVES,
    questions=spoken("what who whom which where when why how whose"),
    subordinators=spoken("if when because since before after although though while unless whenever once"),
    transitives=_TRANSITIVES,
    optionals=_OPTIONALS,
    clausals=_CLAUSALS,
    givers=_forms("offer remind ask hand read")
    | spoken("tell give show send bring told gave sent get buy let make lend"),
    movers=_MOVERS,
    any_verb=_TRANSITIVES | _OPTIONALS | _CLAUSALS | _MOVERS | _OTHERS,
    verb_endings=("ed", "ing"),
    adjectives=spoken(
        """
        large small big new old other same different whole own nearest cheapest closest second third
        latest early late good best better cheap medium long short full half extra black white red
        blue green wrong gift waiting shopping opening spare main front female male blood couple
        kind sort pair bunch cup glass bottle credit debit living dining washing
        """
    ),
    numerals=numbered(
        """
        zero oh nought: 0, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8,
        nine: 9, ten: 10, eleven: 11, twelve: 12, thirteen: 13, fourteen: 14, fifteen: 15, sixteen:
        16, seventeen: 17, eighteen: 18, nineteen: 19, twenty: 20, thirty: 30, forty: 40, fifty: 50,
        sixty: 60, seventy: 70, eighty: 80, ninety: 90
        """
    ),
    clock=spoken("at by until till after before around past than of on or to from"),
    number_nouns=numbered(
        """
        number code pin id digits reference booking order customer confirmation policy serial: 4,
        zip account: 5, phone telephone mobile cell: 7, card: 13, tracking passport: 6, iban: 12,
        cvv cvc: 3
        """
    ),
    bare_number_nouns=spoken("number code pin id digits iban cvv cvc zip"),
    figures=spoken("digit digits figures numbers"),
    months=spoken(
        """
        january february march april may june july august september october november december
        """
    ),
    dots=spoken("dot point"),
    helping=spoken("help assist"),
    reasons=spoken("why when"),
    wishes=spoken("please tell give read say spell enter need"),
    birth=spoken("birth born birthday"),
    mail=spoken("email mail"),
)
