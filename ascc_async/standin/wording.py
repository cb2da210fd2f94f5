"""YouTube's words in the languages the stand-in speaks."""

from __future__ import annotations

from dataclasses import dataclass

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says in one language. `{who}` is a rights holder, `{level}` a member level."""

    language: str
    license_title: str
    creative_commons: str
    subscribe: str
    views: str
    unavailable: str
    removed: tuple[str, ...]
    private: str
    private_long: str
    private_hint: str
    terminated: tuple[str, ...]
    claim: tuple[str, ...]
    country: str
    sign_in: str
    age: str
    age_hint: str
    members: tuple[str, ...]
    upcoming: str
    bot: str
    bot_hint: str
    try_later: str

    def date(self, iso: str) -> str:
        """A date such as 2015-01-28 as this language's pages write it."""
        year, month, day = iso.split("-")
        name = _MONTHS[int(month) - 1]
        return {
            "en": f"{name} {int(day)}, {year}",
            "en-GB": f"{int(day)} {name} {year}",
            "de": f"{day}.{month}.{year}",
            "ja": f"{year}/{month}/{day}",
        }[self.language]


_ENGLISH = Words(
    language="en",
    license_title="License",
    creative_commons="Creative Commons Attribution license (reuse allowed)",
    subscribe="Subscribe",
    views="views",
    unavailable="Video unavailable",
    removed=(
        "This video has been removed by the uploader",
        "This video is not available",
        "This video isn't available anymore",
        "This video has been removed for violating YouTube's Terms of Service",
        "",
    ),
    private="Private video",
    private_long="This is a private video. Please sign in to verify that you may see it.",
    private_hint="Sign in if you've been granted access to this video",
    terminated=(
        "This video is no longer available because the YouTube account associated with this"
        " video has been terminated.",
        "This video is no longer available because the uploader has closed their YouTube account.",
    ),
    claim=(
        "This video is no longer available due to a copyright claim by {who}",
        "This video contains content from {who}, who has blocked it on copyright grounds",
    ),
    country="The uploader has not made this video available in your country",
    sign_in="Please sign in",
    age="Sign in to confirm your age",
    age_hint="This video may be inappropriate for some users.",
    members=(
        "Join this channel to get access to members-only content like this video, and other"
        " exclusive perks.",
        "This video is available to this channel's members on level: {level} (or any higher"
        " level). Join this channel to get access to members-only content and other exclusive"
        " perks.",
    ),
    upcoming="This live event will begin in 3 hours.",
    bot="Sign in to confirm you’re not a bot",
    bot_hint="This helps protect our community. Learn more",
    try_later="This content isn't available, try again later.",
)
_BRITISH = Words(
    **{
        **{name: getattr(_ENGLISH, name) for name in Words.__slots__},
        "language": "en-GB",
        "license_title": "Licence",
        "creative_commons": "Creative Commons Attribution licence (reuse allowed)",
    }
)
_GERMAN = Words(
    language="de",
    license_title="Lizenz",
    creative_commons="Creative Commons-Lizenz mit Quellenangabe (Wiederverwendung erlaubt)",
    subscribe="Abonnieren",
    views="Aufrufe",
    unavailable="Video nicht verfügbar",
    removed=(
        "Dieses Video wurde vom Uploader entfernt",
        "Dieses Video ist nicht verfügbar",
        "Dieses Video ist nicht mehr verfügbar",
        "Dieses Video wurde entfernt, weil es gegen die Nutzungsbedingungen von YouTube verstößt",
        "",
    ),
    private="Privates Video",
    private_long="Dies ist ein privates Video. Melde dich an, um zu bestätigen, dass du es sehen"
    " darfst.",
    private_hint="Melde dich an, wenn du Zugriff auf dieses Video hast",
    terminated=(
        "Dieses Video ist nicht mehr verfügbar, weil das mit diesem Video verknüpfte"
        " YouTube-Konto gekündigt wurde.",
        "Dieses Video ist nicht mehr verfügbar, da der Uploader sein YouTube-Konto geschlossen"
        " hat.",
    ),
    claim=(
        "Dieses Video ist aufgrund des Urheberrechtsanspruchs von {who} nicht mehr verfügbar",
        "Dieses Video enthält Inhalte von {who}. Dieser Partner hat das Video aus"
        " urheberrechtlichen Gründen gesperrt.",
    ),
    country="Der Uploader hat das Video nicht für dein Land freigegeben",
    sign_in="Bitte anmelden",
    age="Melde dich an, um dein Alter zu bestätigen",
    age_hint="Dieses Video ist möglicherweise für einige Nutzer nicht geeignet.",
    members=(
        "Werde Mitglied dieses Kanals, um Zugang zu Inhalten wie diesem Video, die nur für"
        " Mitglieder verfügbar sind, und weiteren exklusiven Vorteilen zu erhalten.",
        "Dieses Video ist für Kanalmitglieder mit der folgenden Mitgliedschaftsstufe verfügbar:"
        " {level} (oder höher).",
    ),
    upcoming="Dieses Live-Event beginnt in 3 Stunden.",
    bot="Melde dich an, um zu bestätigen, dass du kein Bot bist",
    bot_hint="So schützt du unsere Community. Weitere Informationen",
    try_later="Dieser Inhalt ist nicht verfügbar. Versuche es später noch einmal.",
)
_JAPANESE = Words(
    language="ja",
    license_title="ライセンス",
    creative_commons="クリエイティブ・コモンズの表示ライセンス（再利用を許可する）",
    subscribe="チャンネル登録",
    views="回視聴",
    unavailable="動画を再生できません",
    removed=(
        "この動画はアップロードしたユーザーによって削除されました",
        "この動画は再生できません",
        "この動画は利用できなくなりました",
        "この動画は YouTube の利用規約に違反しているため削除されました",
        "",
    ),
    private="非公開動画",
    private_long="これは非公開動画です。視聴できることを確認するにはログインしてください。",
    private_hint="この動画の閲覧が許可されている場合は、ログインしてください",
    terminated=(
        "この動画に関連付けられている YouTube アカウントが停止されたため、動画は再生できません。",
        "この動画を投稿したユーザーが YouTube アカウントを閉鎖したため、動画は再生できません。",
    ),
    claim=(
        "この動画は、{who} による著作権侵害の申し立てにより利用できなくなりました",
        "この動画には {who} のコンテンツが含まれており、著作権上の理由でブロックされています",
    ),
    country="この動画は、投稿者がお住まいの国で公開していません",
    sign_in="ログインしてください",
    age="ログインして年齢を確認してください",
    age_hint="この動画は、一部のユーザーに適さない可能性があります。",
    members=(
        "このチャンネルのメンバーになると、この動画のようなメンバー限定コンテンツにアクセスできます。",
        "この動画は、次のレベルのメンバーが視聴できます: {level}（以上）",
    ),
    upcoming="このライブ イベントは 3 時間後に開始します。",
    bot="ログインして bot ではないことを確認してください",
    bot_hint="この確認はコミュニティの保護に役立ちます。詳細",
    try_later="このコンテンツは利用できません。しばらくしてからもう一度お試しください。",
)
_ALL = {words.language: words for words in (_ENGLISH, _BRITISH, _GERMAN, _JAPANESE)}


def words_for(hl: str | None, accept_language: str | None) -> Words:
    """The language asked for by `hl`, else by `Accept-Language`, else English."""
    asked = (hl or (accept_language or "").split(",")[0].split(";")[0]).strip()
    if asked in _ALL:
        return _ALL[asked]
    if asked in ("en-AU", "en-IE", "en-IN", "en-NZ"):
        return _BRITISH
    return _ALL.get(asked.split("-")[0], _ENGLISH)
