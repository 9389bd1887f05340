"""The words the rules know: verbs that sound, nouns that sound, small closed classes; and how verbs inflect."""

from __future__ import annotations

import re

VERBS = frozenset(
    """
    accelerate announce answer applaud approach baa babble bang bark beat beep begin belch blare blast bleat
    bleep blip blow boil boom bounce bow-wow break breathe brush bubble burble burn burp burst buzz cackle
    call caw chant chat chatter cheep cheer chew chime chirp chop chuckle chug churn clack clang clank clap
    clatter clear click clink clip-clop clomp clop close cluck clunk collide come communicate converse coo
    cook cough crack crackle crank crash creak creep crinkle croak crow crumble crumple crunch cry cut dance
    decelerate deliver dial dig ding downshift drag drain dribble drill drip drive drone drop drum eat echo
    emit erupt exclaim exhale explode fade fall fart fill fire fizzle flap flow flush flutter fly fry gallop
    gargle gasp get giggle give glide go gobble grate grind groan growl grunt gulp gurgle gush gust hammer
    handle happen hiccup hiss hit holler honk hoot hover howl huff hum idle imitate inhale jingle jump kick
    knock land lap laugh let load make meow mew moan moo move mumble murmur mutter narrate neigh occur oink
    open operate pant pass patter pause peep perform ping play plop pop pound pour produce pull pulse pump
    purr put putter quack quit race rain rasp rattle react release reload repeat respond rev reverberate
    reverse revolve ride ring rip rise roar roll rotate rub ruffle rumble run rush rustle sail sand saw say
    scrape scratch scream screech scrub scuff scuffle set sew shake shift shoot shout shriek shuffle shut sigh
    sing sit sizzle skid skip slam slap sleep slide slosh slow slurp smack smash snap sneeze snicker sniff
    sniffle snore snort sob sound speak speed spill spin spit splash splatter spray spurt sputter squawk
    squeak squeal squeeze squirt squish stand start step stir stomp stop stream strike sway swirl swish switch
    swoosh take talk tap tear thrash throttle thud thump thunder tick tick-tock ticktock tinkle toll toot
    travel trickle trot try turn tweet twitter type use verbalize vibrate vocalize wail walk warble wash whack
    wheeze whimper whine whinny whip whir whirl whisper whistle whiz whoop whoosh work wriggle yap yawn yell
    yelp yip yodel zoom
    """.split()
)
# Verbs about the course of another event: they make a claim about time of their own.
PHASES = frozenset("begin start stop continue resume fade end pause cease finish slow quit turn try".split())
EVENT_NOUNS = frozenset(
    """
    alarm alarms applause audio cheering chatter commotion conversation explosion explosions footstep footsteps gunfire
    gunshot gunshots laughter music noise noises rain siren sirens sound sounds speech static thunder tones tone voice
    voices wind vibration vibrations
    """.split()
)
NOT_PARTICIPLES = frozenset("something thing wing spring string lightning building ceiling ring sing".split())
DETERMINERS = frozenset(
    """
    a an the one two three four five six several many multiple some few various numerous any all each every no
    """.split()
)
SINGULAR = frozenset("a an one someone something somebody".split())
PREPOSITIONS = frozenset(
    """
    of in on at by to into onto from with without over under through against around near along across behind inside
    outside between among off out up down for like about past towards toward upon throughout
    """.split()
)
AUXILIARIES = frozenset("is are was were be been being has have had do does did can could will would may might".split())
PLURALS = frozenset("people men women children geese sheep mice police cattle females males kids adults".split())
ADJECTIVES = frozenset(
    """
    loud soft quiet faint distant nearby light heavy brief short long small large big little young old older younger adult
    high low deep sharp hard steady slow fast rapid quick single more less mechanical electronic digital metal plastic
    high-pitched low-pitched muffled male female human gentle strong weak other very continuous constant repetitive
    rhythmic repeated intermittent occasional random dull bright clear subtle slight sudden squeaky scratchy
    """.split()
)
ADVERBS = frozenset("then also still very really just fast hard together away once twice nearby outside".split())
# Words that point elsewhere in the caption, or tell time in ways the grammar does not read.
REFUSED = frozenset(
    """
    it they he she him her his its their them theirs this that these those itself themselves himself herself which who
    whose both each another other others again more further also too same such different
    continue continues continuing continued resume resumes resuming still back instead rest
    when whenever until till during once twice finally eventually later afterward afterwards meanwhile beforehand since
    next last earlier subsequently simultaneously concurrently ends end between amid amidst all not or but if so than
    except without entire whole first second third final interrupted joined where there
    """.split()
)

# dimension → its two poles → adjectives with the adverbs that say the same
SCALES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "level": ({"loud": "loudly"}, {"soft": "softly", "quiet": "quietly", "faint": "faintly"}),
    "distance": ({"nearby": "nearby"}, {"distant": "in the distance"}),
    "speed": ({"fast": "fast", "rapid": "rapidly", "quick": "quickly"}, {"slow": "slowly"}),
    "duration": (
        {"brief": "briefly"},
        {"continuous": "continuously", "constant": "constantly", "steady": "steadily"},
    ),
    "pitch": ({"high-pitched": "", "high pitched": ""}, {"low-pitched": "", "low pitched": ""}),
}
ADVERB_OF = {adjective: adverb for poles in SCALES.values() for pole in poles for adjective, adverb in pole.items()}
FURTHER_ADVERBS = {
    "close by": "nearby",
    "in the foreground": "nearby",
    "distantly": "distant",
    "far away": "distant",
    "in the background": "distant",
}


def participle(verb: str) -> str:
    """The -ing form of a base form: run → running."""
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    last = verb.rpartition("-")[2]
    double = re.search(r"[^aeiou][aeiou][^aeiouwxy]$", last) and len(re.findall("[aeiouy]+", last)) == 1
    return verb + verb[-1] + "ing" if double or verb in ("begin", "occur", "quit", "whiz") else verb + "ing"


def singular(verb: str) -> str:
    """The third person singular of a base form: cry → cries."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(s|sh|ch|x|z|[^o]o)$", verb) and verb != "coo" else "s")


BASE_OF_SINGULAR = {singular(verb): verb for verb in VERBS} | {"echos": "echo"}
BASE_OF_PARTICIPLE = {participle(verb): verb for verb in VERBS}


def is_ing(word: str) -> bool:
    """Whether a word is a participle or gerund by its ending."""
    return word in BASE_OF_PARTICIPLE or (
        word.endswith("ing") and len(word) > 5 and word not in NOT_PARTICIPLES and word not in VERBS
    )


def stem(word: str) -> str:
    """One form for the inflections of a word, so that two texts can be compared by what they mention."""
    word = word.lower()
    base = BASE_OF_SINGULAR.get(word) or BASE_OF_PARTICIPLE.get(word)
    if base or word in VERBS:
        return base or word
    word = word.removesuffix("ly")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
