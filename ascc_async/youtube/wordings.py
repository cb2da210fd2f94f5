"""YouTube's words, as recorded: which refuse us, and which end a video for certain. No network."""

from __future__ import annotations

import html
import re

from ascc_async.errors import RefusalKind
from ascc_async.model import Reason

# Words as recorded, in the form `plain()` gives them: small letters, straight apostrophes.
# The other languages are those of common proxies' countries: we ask in English, but a page that
# does not listen must not turn into two million missing videos.
REFUSALS: tuple[tuple[str, RefusalKind], ...] = (
    (r"confirm (that )?(you're|you are) not a (ro)?bot", "bot_check"),
    (r"we're sorry, but .* (computer|network) .* sending automated queries", "captcha"),
    (r"unusual traffic from your computer network", "captcha"),
    (r"requiring a captcha", "captcha"),
    (r"(solve|complete) (the|a) captcha", "captcha"),
    (r"this content isn't available, try again later", "try_later"),
    (r"has been rate-limited by youtube", "try_later"),
    (r"try again later|versuche es später|もう一度お試し|réessayez plus tard", "try_later"),
    (r"inténtalo de nuevo más tarde|tente novamente mais tarde|riprova più tardi", "try_later"),
    (r"ip is likely being blocked by youtube", "other"),
    (r"http error 429|too many requests", "rate"),
    (r"get the best youtube experience", "bot_check"),
    (r"dass du kein (ro)?bot bist|dass sie kein (ro)?bot sind", "bot_check"),
    (r"que vous n'êtes pas un robot", "bot_check"),
    (r"que no eres un (ro)?bot", "bot_check"),
    (r"que (você )?não é um (ro)?bot|que não és um (ro)?bot", "bot_check"),
    (r"che non sei un (ro)?bot", "bot_check"),
    (r"dat je geen (ro)?bot bent", "bot_check"),
    (r"że nie jesteś (ro)?botem", "bot_check"),
    (r"что вы не (ро)?бот", "bot_check"),
    (r"що ви не (ро)?бот", "bot_check"),
    (r"(ro)?bot olmadığınızı", "bot_check"),
    (r"(bot|ボット|ロボット) ?で(は)?ないこと", "bot_check"),
    (r"(로)?봇이 아님", "bot_check"),
    (r"(您|你)不是(聊天)?机器人|(您|你)不是機器人", "bot_check"),
)

# Whole sentences: words end a video only when each of them is one of these. What is said beside may
# be a refusal that nobody knows yet. English alone, as we ask in it: words in another language end
# nothing. A sentence is matched to its end, so what it names may be open: nobody who turns us away
# speaks of «a copyright claim by …», unless of «you».
_NAME = r"(?:(?!\byour?\b)(?:[^·.!。]|(?<=\b\w)\.(?=\w\b)))+"  # «RTI S.p.A.»
_BY = rf"(?: (?:by|from) {_NAME})?"
_THIS = r"(?:this )?video"
_HERE = r"your (?:country|location|region)"
_REMOVED = rf"(?:{_THIS} (?:has been|was)|it was) removed"
_GONE = rf"(?:{_THIS} is (?:no longer available|unavailable)|{_REMOVED})"
_SOON = r"(?:shortly|in (?:a few|an?|\d+) (?:moment|second|minute|hour|day|week|month|year)s?)"
_RULES = (
    r"youtube(?:'s)? (?:terms of (?:service|use)|community guidelines"
    rf"|polic(?:y|ies)(?: (?:on|against) {_NAME})?)"
)
_LEGAL = rf"a (?:legal|privacy|trademark|counterfeit|defamation) (?:claim|complaint){_BY}"
_WHO = r"(?:who has|one or more of whom have)"
_CLAIMED = rf"this video contains content from [^·]{{1,300}}?, {_WHO} blocked it"
# Where several are said, the first of the table counts.
REASONS: dict[Reason, tuple[str, ...]] = {
    Reason.PRIVATE: (r"this video is private", r"(?:this (?:video )?is a )?private video"),
    Reason.MEMBERS_ONLY: (
        r"join this channel(?: from your computer or \w+ app)? to get access to"
        r" members-only content(?: like this video)?(?:,? and other exclusive perks)?",
        r"this video is (?:only )?available to this channel's members"
        r"(?: on level: [^·]{1,200}? \(or any higher (?:priced )?level\))?",
        r"this video is only available to (?:music|youtube) premium members",
        r"this video is (?:only )?available (?:for rent|to rent|to buy)",
        r"this video (?:requires (?:payment|purchase)(?: to watch)?|is members-only)",
    ),
    Reason.AGE_RESTRICTED: (
        r"(?:please )?sign in to confirm your age",
        r"this video is age[- ]restricted(?: and only available on youtube)?",
        r"sorry, this content is age[- ]restricted",
        r"this video requires age verification|this video may be inappropriate for some users",
    ),
    Reason.COUNTRY_RESTRICTED: (
        rf"the (?:uploader|owner) has not made this video available in {_HERE}",
        rf"{_THIS} (?:is not|isn't) available (?:in|from) {_HERE}(?: due to {_LEGAL})?",
        rf"{_THIS} is blocked in {_HERE}",
        rf"{_CLAIMED} in {_HERE}(?: on copyright grounds)?",
        rf"this (?:video|content) is not available on this country domain(?: due to {_LEGAL})?",
    ),
    Reason.ACCOUNT_TERMINATED: (
        rf"(?:{_GONE} because )?the (?:youtube )?account associated with this video has been"
        r" terminated(?: due to multiple third-party notifications of copyright infringement)?",
        rf"{_GONE} because the uploader has closed (?:their|his|her) youtube account",
    ),
    Reason.COPYRIGHT_CLAIM: (
        rf"{_GONE} (?:due to|because of) (?:a )?copyright (?:claim|infringement){_BY}",
        rf"{_CLAIMED} on copyright grounds",
        rf"{_REMOVED} following a copyright removal request{_BY}",
        rf"it was blocked due to the claimed content{_BY}",
    ),
    Reason.LIVE: (
        rf"(?:this )?(?:live event|live stream|premiere) will begin {_SOON}",
        rf"premieres {_SOON}|live stream is offline",
        r"this live stream recording is not available|(?:this )?live (?:stream|event) has ended",
    ),
    Reason.REMOVED: (
        rf"{_REMOVED}(?: by (?:the (?:uploader|user)|youtube))?",
        rf"{_REMOVED} (?:for violating|as a violation of|because it violate[sd]) {_RULES}",
        rf"{_REMOVED} because its content violated {_RULES}",
        rf"{_REMOVED} due to its inappropriate (?:nature|content)|{_GONE} due to {_LEGAL}",
        rf"{_THIS} (?:doesn't|does not) exist|{_THIS} is no longer available",
        rf"{_THIS} (?:isn't|is not) available any ?more",
    ),
    Reason.SIGN_IN_REQUIRED: (
        r"(?:please )?sign in to (?:view|watch) this video",
        r"this video is (?:only )?(?:available )?for registered users",
        r"this video requires login|login required to view this(?: video)?",
    ),
}
# Seen twice, hours or identities apart, these mean that a video is gone, and only when nothing else
# is said.
_UNAVAILABLE = (
    r"(?:this )?video (?:is )?unavailable|this video (?:is not|isn't) available"
    r"|(?:dieses )?video (?:ist )?nicht verfügbar|(?:この)?動画(?:を再生|は再生|は利用)できません"
)
# Said beside a reason; alone they tell nothing.
_BESIDE = (
    r"sorry about that|learn more(?: about combating hate speech in your country)?"
    r"|sign in if you've been granted access(?: to this video)?|members-only content"
    r"|if the owner of this video has granted you access, please sign in"
    r"|please sign in to verify that you may see it"
)
_SENTENCES = {**{reason.name: "|".join(words) for reason, words in REASONS.items()},
              "UNAVAILABLE": _UNAVAILABLE, "BESIDE": _BESIDE}  # fmt: skip
_SENTENCE = re.compile(
    rf"(?:{'|'.join(f'(?P<{kind}>{words})' for kind, words in _SENTENCES.items())})"
    r"(?:[.!。]+(?: ·)?(?: |$)|。| · |$)"
)
_REFUSALS = tuple((re.compile(words), kind) for words, kind in REFUSALS)


def plain(text: str) -> str:
    """Small letters, straight apostrophes, single spaces, no markup: words fit for comparing."""
    bare = re.sub(r"<[^<>]{0,200}>", " ", text) if "<" in text else text
    straight = html.unescape(bare).replace("’", "'").replace("‘", "'").replace("ʼ", "'")
    return " ".join(straight.lower().split())


def refusal_by_words(text: str) -> RefusalKind | None:
    """The kind of refusal that these words are."""
    words = plain(text)
    return next((kind for pattern, kind in _REFUSALS if pattern.search(words)), None)


def reason_by_words(text: str) -> Reason | None:
    """The reason that these words name for certain."""
    kinds = _kinds(text)
    return next((reason for reason in REASONS if reason.name in kinds), None)


def only_unavailable(text: str) -> bool:
    """Whether nothing is said but that a video is unavailable."""
    return _kinds(text) == {"UNAVAILABLE"}


def _kinds(text: str) -> set[str | None]:
    """What each sentence is; empty where one of them is unknown."""
    words = plain(text)
    kinds: set[str | None] = set()
    at = 0
    while at < len(words):
        sentence = _SENTENCE.match(words, at)
        if sentence is None:
            return set()
        kinds.add(sentence.lastgroup)
        at = sentence.end()
    return kinds
