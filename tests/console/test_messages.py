"""Messages in the console: templates with a preview, channels with a trial, and the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from campaigns.channels import Outgoing
from campaigns.models import Message, MessageChannel, MessageTemplate
from campaigns.services.messages import reach, replies, sending, standard, templating
from loyalty.console.messagepages import arrival
from loyalty.dev.channel_sandbox import ACCESS_KEY, SECRET, Sandbox
from members.models import Member
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, signed_in
from tests.messages import support
from tests.messages.conftest import providers
from tests.support.brands import ANNA, BORIS

__all__ = ["providers"]
TEMPLATES, LOG, CHANNELS = (
    "campaigns/messagetemplate/",
    "campaigns/message/",
    "campaigns/messagechannel/",
)


@pytest.fixture
def marketing(acme: Brand) -> Browser:
    return signed_in(acme, "marketing")


@pytest.fixture
def owner(acme: Brand) -> Browser:
    return signed_in(acme, "owner")


def _filled(page: Any, **changes: Any) -> dict[str, Any]:
    """What the form on a page would send, with changes."""
    form = page.context["adminform"].form
    data = {name: form[name].value() for name in form.fields}
    return {k: v for k, v in {**data, **changes}.items() if v not in (None, False, "")}


def test_a_template_is_written_previewed_and_published(
    marketing: Browser, acme: Brand, now: datetime
) -> None:
    page = marketing.get(TEMPLATES + "add/")
    data = _filled(
        page,
        code="come-back",
        name_zh="好久不见",
        purpose="marketing",
        channels=["sms", "wechat_subscribe"],
        sms__template_id="SMS_7",
        sms__text__zh_hans="送您{points}分,{link} 回T退订",
        wechat_subscribe__template_id="wx-9",
        wechat_subscribe__fields__zh_hans="thing1: 送您{points}分\nthing2: 快回来",
        link="/offers",
        tags="dairy",
    )
    answer = marketing.post(TEMPLATES + "add/", data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    with in_brand(acme):
        saved = MessageTemplate.objects.get(code="come-back")
        assert (saved.current_version, saved.channels) == (None, ["sms", "wechat_subscribe"])
        assert saved.draft == {
            "channels": {
                "wechat_subscribe": {
                    "template_id": "wx-9",
                    "fields": {"thing1": {"zh-hans": "送您{points}分"}, "thing2": {"zh-hans": "快回来"}},
                },
                "sms": {
                    "template_id": "SMS_7",
                    "fields": {
                        "text": {"zh-hans": "送您{points}分,{link} 回T退订"},
                        "link": {"zh-hans": "{link}"},
                        "points": {"zh-hans": "{points}"},
                    },
                },
            },
            "link": "/offers",
            "tags": ["dairy"],
        }
    shown = marketing.get(f"{TEMPLATES}{saved.pk}/change/?preview=C-boris").content.decode()
    assert "送您120分,http://acme.localhost/m/" in shown
    assert "C-boris of acme" in shown
    assert marketing.post(f"{TEMPLATES}{saved.pk}/publish/").status_code == 302
    with in_brand(acme):
        saved.refresh_from_db()
        assert (saved.current_version, saved.draft) == (1, None)
    # Saved again as it stands: nothing is a draft.
    page = marketing.get(f"{TEMPLATES}{saved.pk}/change/")
    assert marketing.post(f"{TEMPLATES}{saved.pk}/change/", _filled(page)).status_code == 302
    with in_brand(acme):
        saved.refresh_from_db()
        assert saved.draft is None


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"code": "Come Back"}, "code", "Small letters, digits and hyphens, at most 64."),
        ({"link": "https://evil.example/"}, "link", "Must lead to the brand"),
        ({"channels": ["sms", "email"]}, "channels", "The template has no texts for this channel."),
        (
            {"event": "points.arrived", "purpose": "transactional"},
            "sms__text__zh_hans",
            "is not known on this occasion",
        ),
        (
            {},
            "sms__text__zh_hans",
            "“strange” is not known to a wake-up. Known are: brand, link, missing, name,",
        ),
        (
            {"sms__text__zh_hans": "送您{points", "sms__text__en": "{foo}"},
            "sms__text__en",
            "“foo” is not known to a wake-up.",
        ),
        (
            {"sms__text__zh_hans": "送您{points"},
            "sms__text__zh_hans",
            "Braces stand only around the name of a fact, such as {member}.",
        ),
        (
            {"sms__text__zh_hans": "接近母乳"},
            "sms__text__zh_hans",
            "“接近母乳” may not be said in advertising.",
        ),
        ({"event": "points.arrived"}, "purpose", "What an event sends by itself is no marketing."),
        (
            {"wechat_subscribe__fields__en": "thing1：fine\nno field"},
            "wechat_subscribe__fields__en",
            "Each line is a field and its text",
        ),
    ],
)
def test_what_is_wrong_with_a_template_is_said_at_its_field(
    marketing: Browser, acme: Brand, changes: dict[str, Any], field: str, said: str
) -> None:
    data = {
        "code": "come-back",
        "name_zh": "好久不见",
        "purpose": "marketing",
        "channels": ["sms"],
        "sms__text__zh_hans": "送您{strange}",
        **changes,
    }
    answer = marketing.post(TEMPLATES + "add/", data)
    assert answer.status_code == 200
    assert said in str(answer.context["adminform"].form.errors[field]).replace("&#x27;", "'")
    with in_brand(acme):
        assert not MessageTemplate.objects.exists()


def test_the_purpose_of_what_was_published_stands(marketing: Browser, acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        body = {"channels": {"sms": {"fields": {"text": {"zh-hans": "{points}"}}}}}
        made = support.template(now=now, channels=("sms",), body=body)
    path = f"{TEMPLATES}{made.pk}/change/"
    answer = marketing.post(path, _filled(marketing.get(path), name_zh="您好", purpose="transactional"))
    assert answer.status_code == 200
    said = str(answer.context["adminform"].form.errors)
    assert "The purpose stands once the message was published." in said
    with in_brand(acme):
        made.refresh_from_db()
        assert made.purpose == "marketing"


def test_what_a_draft_of_before_may_not_say_is_told_at_its_box_when_it_is_published(
    marketing: Browser, acme: Brand, now: datetime
) -> None:
    with in_brand(acme):
        said = {"zh-hans": "接近母乳的奶粉", "en": "Hello {nam}"}
        made = MessageTemplate.objects.create(
            code="x",
            purpose="marketing",
            channels=["wecom"],
            draft={"channels": {"wecom": {"fields": {"text": said}}}},
            updated_at=now,
        )
    answer = marketing.post(f"{TEMPLATES}{made.pk}/publish/")
    assert answer.status_code == 200
    page = answer.content.decode()
    box = f'<a href="/console/campaigns/messagetemplate/{made.pk}/change/#id_wecom__text__'
    assert (
        f"{box}zh_hans" + '">WeCom · Text (Chinese): “接近母乳” may not be said in advertising.</a>' in page
    )
    assert f"{box}en" + '">WeCom · Text (English): “nam” is not known to a wake-up.' in page
    assert "/body/" not in page
    with in_brand(acme):
        made.refresh_from_db()
        assert made.current_version is None


def test_a_channel_is_set_up_and_its_secret_never_shown(owner: Browser, acme: Brand) -> None:
    assert owner.post(CHANNELS + "add/", {"channel": "sms"}).status_code == 302
    with in_brand(acme):
        made = MessageChannel.objects.get()
    path = f"{CHANNELS}{made.pk}/change/"
    bare = owner.post(path, {"enabled": "on", "signature": "Acme"})
    assert sorted(bare.context["adminform"].form.errors) == ["access_key_id", "secret"]
    full = {"enabled": "on", "signature": "Acme", "access_key_id": "key-1", "secret": "quite-a-secret"}
    assert owner.post(path, full).status_code == 302
    assert owner.post(path, {**full, "secret": "", "signature": "Acme2"}).status_code == 302
    with in_brand(acme):
        setup = reach.setups()["sms"]
        assert dict(setup.settings) == {"signature": "Acme2", "access_key_id": "key-1"}
        assert dict(setup.secrets) == {"secret": "quite-a-secret"}
        made.refresh_from_db()
        assert "quite-a-secret" not in made.secrets
    page = owner.get(path).content.decode()
    assert "quite-a-secret" not in page
    with in_brand(acme):
        base = f"http://acme.localhost/callbacks/sms/{replies.secret()}"
    for what in ("replies", "reports"):
        assert page.count(f">{base}/{what}</code>") == 1


def test_send_me_a_test_goes_to_the_provider_and_is_no_message(
    providers: Sandbox, owner: Browser, acme: Brand, now: datetime
) -> None:
    with in_brand(acme):
        settings = {"signature": "Acme", "access_key_id": ACCESS_KEY}
        made = support.channel("sms", now=now, settings=settings, secret=SECRET)
        support.template(now=now)
    path = f"{CHANNELS}{made.pk}/test/"
    assert owner.get(path).status_code == 200
    data = {"address": "+8613800000555", "template": "hello", "language": "en"}
    assert owner.post(path, data).status_code == 302
    (arrived,) = providers.messages
    assert (arrived["to"], arrived["template"], arrived["fields"]) == (
        "13800000555",
        "SMS_2",
        {"points": "120"},
    )
    refused = owner.post(path, {**data, "address": "+8613800000002"})
    assert "the provider does not know the address (isv.MOBILE_NUMBER_ILLEGAL" in refused.content.decode()
    with in_brand(acme):
        assert not Message.objects.exists()


def test_marketing_may_look_at_channels_and_not_change_them(
    marketing: Browser, acme: Brand, now: datetime
) -> None:
    with in_brand(acme):
        made = support.channel("email", now=now, settings={"from": "a@acme.example"})
    assert marketing.get(f"{CHANNELS}{made.pk}/change/").status_code == 200
    marketing.post(f"{CHANNELS}{made.pk}/change/", {"enabled": ""})
    assert marketing.get(f"{CHANNELS}{made.pk}/test/").status_code == 403
    with in_brand(acme):
        made.refresh_from_db()
        assert made.enabled


def test_the_log_shows_what_became_of_each_and_of_one_member(
    marketing: Browser, acme: Brand, now: datetime
) -> None:
    with in_brand(acme):
        support.all_channels(now)
        template = support.template(now=now)
        support.known_by(ANNA, "email", "anna@example.com", now)
        support.agrees(ANNA, now)
        support.queued(template, "email", now, ANNA)
        support.queued(template, "email", now, BORIS)
        sending.run()
        sent = Message.objects.get(member=ANNA)
    everything = marketing.get(LOG).content.decode()
    assert "no consent to marketing" in everything
    assert "C-anna of acme" in everything
    of_anna = marketing.get(f"{LOG}?member__id__exact={ANNA}").content.decode()
    assert "no consent to marketing" not in of_anna
    found = marketing.get(f"{LOG}?q=C-boris").content.decode()
    assert "no consent to marketing" in found
    assert "C-anna of acme" not in found
    one = marketing.get(f"{LOG}{sent.pk}/change/").content.decode()
    assert "39 积分: 您有 39 积分。" in one
    assert "No messages yet." not in marketing.get(f"members/member/{ANNA}/change/").content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_standard_messages_are_previewed_in_both_languages(
    acme: Brand, now: datetime, language: str
) -> None:
    with in_brand(acme):
        standard.install(now=now)
        Member.objects.filter(pk=ANNA).update(locale=language)
        anna = Member.objects.get(pk=ANNA)
        for template in MessageTemplate.objects.all():
            for channel in templating.running(template)["channels"]:
                written = templating.preview(template=template, channel=channel, member=anna)
                assert all("[" not in text and "{" not in text for text in written.fields.values())


def test_a_test_speaks_of_the_brand_with_samples_in_the_readers_language(
    providers: Sandbox, owner: Browser, acme: Brand, now: datetime
) -> None:
    text = {
        "zh-hans": "{brand}：{name}有{points}{points_name}，{task_until_at}前满{task_min_spend}元",
        "en": "{brand}: {name} has {points} {points_name}, {task_min_spend} by {task_until_at}",
    }
    with in_brand(acme):
        settings = {"signature": "Acme", "access_key_id": ACCESS_KEY}
        made = support.channel("sms", now=now, settings=settings, secret=SECRET)
        body = {"channels": {"sms": {"template_id": "SMS_1", "fields": {"said": text, "text": text}}}}
        support.template(now=now, body=body)
    for language in text:
        data = {"address": "+8613800000555", "template": "hello", "language": language}
        assert owner.post(f"{CHANNELS}{made.pk}/test/", data).status_code == 302
    told = {
        "zh-hans": acme.points_name.get("zh-hans", "积分"),
        "en": acme.points_name.get("en", "points"),
    }
    assert [each["fields"]["said"] for each in providers.messages] == [
        f"{acme.name}：陈静有120{told['zh-hans']}，2026年12月22日前满50.00元",
        f"{acme.name}: Anna Chen has 120 {told['en']}, 50.00 by 22 Dec 2026",
    ]


def test_marketing_is_previewed_as_it_will_arrive(marketing: Browser, acme: Brand, now: datetime) -> None:
    with in_brand(acme):
        settings = {"signature": "鲜集超市", "access_key_id": ACCESS_KEY}
        support.channel("sms", now=now, settings=settings, secret=SECRET)
        parts = {
            "sms": {"template_id": "SMS_1", "fields": {"text": {"zh-hans": "回来吧。"}}},
            "email": {"fields": {"text": {"zh-hans": "快回来"}, "subject": {"zh-hans": "好久不见"}}},
        }
        made = support.template(now=now, channels=("sms", "email"), body={"channels": parts})
        own = support.template(now=now, code="own", purpose="transactional", body={"channels": parts})
    page = marketing.get(f"{TEMPLATES}{made.pk}/change/").content.decode()
    assert "【鲜集超市】回来吧，拒收请回复R</div>" in page
    assert "16 characters, sent as 1 text message(s)" in page
    assert page.index("好久不见</div>") < page.index("快回来<br><br>退订: http://acme.localhost/unsubscribe/")
    account = marketing.get(f"{TEMPLATES}{own.pk}/change/").content.decode()
    assert "【鲜集超市】回来吧。</div>" in account
    assert "拒收请回复R" not in account
    assert "/unsubscribe/" not in account


def test_long_text_messages_count_by_parts(acme: Brand) -> None:
    def told(characters: int) -> str:
        written = Outgoing("", "", "", {"text": "x" * characters})
        return dict(arrival.shown("sms", written, marketing=False))["length"]

    with in_brand(acme):
        assert [told(count) for count in (70, 71, 134, 135)] == [
            "70 characters, sent as 1 text message(s)",
            "71 characters, sent as 2 text message(s)",
            "134 characters, sent as 2 text message(s)",
            "135 characters, sent as 3 text message(s)",
        ]


def test_saving_and_going_on_is_told_in_whole_chinese_sentences(acme: Brand, now: datetime) -> None:
    browser = signed_in(acme, "marketing", "zh-hans")
    with in_brand(acme):
        body = {"channels": {"wechat_subscribe": {"fields": {"thing1": {"zh-hans": "{points}"}}}}}
        made = support.template(now=now, channels=("wechat_subscribe",), body=body)
    path = f"{TEMPLATES}{made.pk}/change/"
    page = browser.get(path)
    assert page.context["adminform"].form["wechat_subscribe__fields__zh_hans"].label == "字段（中文）"
    assert "每行一个，例如“thing1: 文案”。" in page.content.decode()
    data = {**_filled(page, name_zh="好久不见"), "_continue": "1"}
    assert browser.post(path, data).status_code == 302
    told = browser.get(path).content.decode()
    assert "”。您可以在下方继续编辑。" in told
    added = browser.post(TEMPLATES + "add/", {**data, "code": "once-more"})
    assert added.status_code == 302
    told = browser.get(added["location"]).content.decode()
    assert "。 您可以在下方继续编辑。" in told
