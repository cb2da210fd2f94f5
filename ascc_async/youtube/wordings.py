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

# Whoever speaks of these may mean us, whatever is said of a video beside: no reason is certain.
_ABOUT_US = re.compile(
    r"\b(networks?|session|captcha|vpn|proxy|ip address|browser|unusual|suspicious|automated)\b"
    r"|\byour (\S+ )?(accounts?|channel|device|computer|app|client|access|requests?)\b"
    r"|\bthis (\S+ )?(account(?! associated)|device|computer|app|client|request)\b"
    r"|\b(ro)?bots?\b|netzwerk|sitzung|roboter|ip-adresse|\bgerät"
    r"|\b(dein|ihr|euer)(e[mnrs]?)? (\S+[- ])?\S*(konto|kanal|zugriff|zugang)"
    r"|セッション|ネットワーク|ロボット|ボット|ブラウザ|デバイス|お使いの|あなたの|ご利用の"
)
# Anybody may be called «Robot Networks», and anything a level of membership.
_NAMES = re.compile(r"((?:content from|claim by|on level:) )[^.·]+?(?=, who|\(|[.·]|$)")

# Each begins a sentence that is about the video, its uploader or its channel, by name. The first
# reason that matches counts: «blocked in your country on copyright grounds» is about the country.
_END = r"(?= ?(?:[.·。!]|$))"
_THIS = r"(?:this )?video"
_HERE = r"(?:country|location|region)"
_GONE = rf"{_THIS} (?:is no longer available|is unavailable|has been removed)"
REASONS: dict[Reason, tuple[str, ...]] = {
    Reason.PRIVATE: (
        rf"this video is private|(?:this (?:video )?is a )?private video{_END}",
        rf"dieses video ist privat{_END}|この動画は非公開|非公開動画(?:です)?{_END}",
    ),
    Reason.MEMBERS_ONLY: (
        r"join this channel (?:\S+ ){0,8}?to get access",
        r"this video is (?:only )?available to (?:this channel's|music premium) m",
        r"this video is (?:only )?available (?:for rent|to rent|to buy)",
        r"this video (?:requires (?:payment|purchase)|is members-only)",
        r"dieses video [^.·]*mitglieder",
        r"この動画[^。·]*メンバー|このチャンネル[^。·]*メンバー限定",
    ),
    Reason.AGE_RESTRICTED: (
        r"(?:please )?sign in to confirm your age",
        r"this video (?:is age[- ]restricted|requires age)",
        r"this video may be inappropriate for some users",
        r"melde dich an, um dein alter zu bestätigen|dieses video [^.·]*altersbeschränk",
        r"この動画[^。·]*年齢制限|(?:ログインして)?年齢を確認",
    ),
    Reason.COUNTRY_RESTRICTED: (
        rf"the (?:uploader|owner) has not made this video available in your {_HERE}",
        rf"{_THIS} (?:is not|isn't) available (?:in|from) your {_HERE}{_END}",
        rf"{_THIS} is blocked in your {_HERE}{_END}",
        rf"this video contains content from .{{1,300}} blocked it in your {_HERE}",
        rf"{_THIS} is not available on this country domain",
        r"(?:das video|dieses video|der uploader|der nutzer)\b[^.·]*"
        r" (?:deinem|ihrem|dein|ihr) land\b",
        r"この動画[^。·]*お住まいの国|お住まいの国[^。·]*動画",
    ),
    Reason.ACCOUNT_TERMINATED: (
        rf"{_GONE} because the (?:youtube )?account associated with this video has been terminated",
        rf"{_GONE} because the uploader has closed (?:their|his|her) youtube account",
        r"dieses video [^.·]*(?:mit diesem video verknüpfte|(?:nutzer|uploader) sein)"
        r" youtube-?konto (?:gekündigt|gelöscht|geschlossen)",
        r"この動画に関連付けられ[^。·]*アカウントが停止",
        r"(?:この動画[^。·]*)?投稿者[^。·]*アカウントを(?:閉鎖|停止)",
    ),
    Reason.COPYRIGHT_CLAIM: (
        rf"{_GONE} (?:due to|because of) (?:a )?copyright (?:claim|infringement)",
        r"this video contains content from .{1,300} blocked it [^.·]{0,60}?on copyright grounds",
        r"dieses video [^.·]*urheberrecht|この動画[^。·]*著作権",
    ),
    Reason.LIVE: (
        r"(?:this )?(?:live event|live stream|premiere) will begin|premieres? in ",
        r"(?:this )?live stream (?:recording|has ended|is offline)|(?:this )?live event has ended",
    ),
    Reason.REMOVED: (
        rf"{_THIS} (?:has been|was) removed(?:{_END}| by the (?:uploader|user){_END}"
        r"| for (?:violating|breach)| as a violation of| because it | due to its )",
        rf"{_THIS} (?:doesn't|does not) exist{_END}|{_THIS} is no longer available{_END}",
        rf"{_THIS} (?:isn't|is not) available any ?more{_END}",
        r"(?:dieses|das) video wurde(?: vo[nm] (?:dem )?(?:nutzer|uploader))? entfernt"
        rf"(?:{_END}|, weil es )|dieses video ist nicht mehr verfügbar{_END}",
        rf"この動画は[^。·]*(?:削除されました|利用できなくなりました){_END}",
    ),
    Reason.SIGN_IN_REQUIRED: (
        r"(?:please )?sign in to (?:view|watch) this video",
        r"this video is (?:only )?(?:available )?for registered users",
        r"(?:this video requires login|login required to view this)",
    ),
}
_REFUSALS = tuple((re.compile(words), kind) for words, kind in REFUSALS)
_REASONS = {
    reason: re.compile(rf"(?:^|[.:·。!] ?)(?:{'|'.join(words)})")
    for reason, words in REASONS.items()
}

# Seen twice, hours or identities apart, these mean that a video is gone, and only when nothing else
# is said: words beside them that nobody knows may be a refusal in new words.
_UNAVAILABLE = (
    r"(this )?video (is )?unavailable|this video (is not|isn't) available"
    r"|(dieses )?video (ist )?nicht verfügbar|(この)?動画(を再生|は再生|は利用)できません"
)
_ONLY_UNAVAILABLE = re.compile(rf"(({_UNAVAILABLE})[.。 ·]*)+")


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
    words = plain(text)
    return next((reason for reason, pattern in _REASONS.items() if pattern.search(words)), None)


def is_about_us(text: str) -> bool:
    """Whether a network, a session or the viewer's own account is spoken of."""
    return bool(_ABOUT_US.search(_NAMES.sub(r"\1", plain(text))))


def only_unavailable(text: str) -> bool:
    """Whether nothing is said but that a video is unavailable."""
    return bool(_ONLY_UNAVAILABLE.fullmatch(plain(text)))
