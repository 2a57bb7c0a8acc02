"""Receipts and proofs through the API, checked by the one-file verifier in a process of its own."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from jsonschema import Draft202012Validator

from points import services as points
from points import verify_receipt
from points.api import logschemas
from points.models import Entry
from tenants.context import in_brand
from tenants.models import Brand
from tests.console.pages import Browser, signed_in
from tests.points import sealed
from tests.points.support import earn
from tests.support import sessions
from tests.support.brands import ANNA, BORIS
from tests.support.client import Api
from tests.support.fuzz import CONTRACT

pytestmark = pytest.mark.django_db
VERIFIER = Path(verify_receipt.__file__)
Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def log(acme: Brand, now: datetime) -> None:
    """Five sealed entries of acme."""
    with in_brand(acme):
        earn(ANNA, 100, "o-1", now=now)
        earn(BORIS, 30, "o-2", now=now)
        points.burn(member_id=ANNA, points=40, reference="b-1", reason="收银台 7", now=now)
        earn(ANNA, 7, "o-3", now=now, explanation={"rate": 1.10, "why": "周末"})
        points.adjust(member_id=BORIS, points=2, reference="a", reason="sorry", actor="op", now=now)
        assert sealed.seal(now) == 5


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Runs the verifier alone, from an empty folder; values become files."""

    def run(*, alone: bool = False, **files: Any) -> tuple[int, str]:
        arguments = []
        for name, value in files.items():
            path = tmp_path / name
            path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
            arguments += [str(path)] if name == "receipt" else [f"--{name}", str(path)]
        if alone:
            done = subprocess.run(
                [sys.executable, "-I", VERIFIER, *arguments],
                cwd=tmp_path, env={"PATH": os.defpath}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            return done.returncode, done.stdout + done.stderr
        return in_process(arguments)

    return run


def in_process(arguments: list[str]) -> tuple[int, str]:
    from contextlib import redirect_stderr, redirect_stdout  # noqa: PLC0415
    from io import StringIO  # noqa: PLC0415

    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        code = verify_receipt.main(arguments)
    return code, out.getvalue()


def entry_of(brand: Brand, reference: str) -> Entry:
    with in_brand(brand):
        return Entry.objects.get(reference=reference)


def documented(answer: Any, name: str) -> None:
    """The answer is what the OpenAPI document says of the schema of this name."""
    components = json.loads(CONTRACT.read_text(encoding="utf-8"))["components"]
    Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components}).validate(answer)


def receipt_of(api: Api, brand: Brand, reference: str = "b-1") -> dict[str, Any]:
    answer = api.get(f"/entries/{entry_of(brand, reference).pk}/receipt")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_receipt_verifies_offline(log: None, acme: Brand, reader: Api, verify: Verify) -> None:
    receipt, key = receipt_of(reader, acme), reader.get("/ledger/key").json()
    code, told = verify(receipt=receipt, key=key, alone=True)
    entry = receipt["entry"]["entry"]
    # Ids of one millisecond sort by chance: the leaf is the place of the entry among all ids.
    with in_brand(acme):
        place = [str(known) for known in Entry.objects.order_by("id").values_list("id", flat=True)].index(
            entry
        )
    assert (code, told) == (
        0,
        f"VERIFIED: entry {entry} (burn, -40 points, balance 60, 2026-11-22T02:00:00.000000Z) "
        f"is leaf {place} of 5 in acme.localhost/points\n",
    )
    assert receipt["details"]["reason"] == "收银台 7"
    assert receipt["entry"]["reference"] == "b-1"
    assert [part["points"] for part in receipt["entry"]["taken"]] == [40]
    assert receipt["key"] == key["keys"][0]["verifier_key"]
    # The key's one line does as well as its JSON.
    assert verify(receipt=receipt, key=receipt["key"] + "\n")[0] == 0


@pytest.mark.parametrize("reference", ["o-1", "o-2", "b-1", "o-3", "a"])
def test_every_entrys_receipt_verifies(
    log: None, acme: Brand, reader: Api, verify: Verify, reference: str
) -> None:
    receipt, key = receipt_of(reader, acme, reference), reader.get("/ledger/key").json()
    assert verify(receipt=receipt, key=key)[0] == 0


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value in the receipt that is no container."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for name, inner in items for place in places(inner, (*path, name))]
    return [path]


def changed(value: Any) -> Any:
    """Another value of the same type."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value + 1
    if len(value) > 20:
        return value[:12] + ("A" if value[12] != "A" else "B") + value[13:]
    return value + "x"


def test_a_receipt_with_anything_changed_does_not_verify(
    log: None, acme: Brand, reader: Api, verify: Verify
) -> None:
    receipt, key = receipt_of(reader, acme), reader.get("/ledger/key").json()
    tried = [
        place for place in places(receipt) if place != ("key",)
    ]  # what the receipt says of its key is not used
    assert len(tried) > 30
    for *path, last in tried:
        forged = copy.deepcopy(receipt)
        inner = forged
        for name in path:
            inner = inner[name]
        inner[last] = changed(inner[last])
        code, told = verify(receipt=forged, key=key)
        assert code in (1, 2), (path, last, told)
        assert told.startswith(("NOT VERIFIED: ", "UNUSABLE: "))
    assert verify(receipt={**receipt, "entry": {**receipt["entry"], "more": 1}}, key=key)[0] == 1
    assert verify(receipt={**receipt, "proof": receipt["proof"][:-1]}, key=key)[0] == 1


@pytest.mark.parametrize("reference", ["o-1", "b-1"])
def test_details_that_were_not_sealed_do_not_verify(
    log: None, acme: Brand, reader: Api, verify: Verify, reference: str
) -> None:
    """`null` says that there are none: it is no way to leave out those that there are."""
    receipt, key = receipt_of(reader, acme, reference), reader.get("/ledger/key").json()
    none = {"actor": "", "explanation": None, "reason": "", "salt": receipt["salt"]}
    for details in (None, none, {**none, "reason": "x"}, {}, False, 0, "", []):
        if details is None and receipt["details"] is None:
            continue
        code, told = verify(receipt={**receipt, "details": details}, key=key)
        assert (code, told) == (
            1,
            "NOT VERIFIED: reason, actor or explanation are not those that were sealed\n",
        ), details
    # Nor does the entry, when it is made to agree.
    other = None if receipt["details"] else hashlib.sha256(rfc8785.dumps(none)).hexdigest()
    forged = {**receipt, "entry": {**receipt["entry"], "details": other}}
    forged["details"] = None if receipt["details"] else none
    code, told = verify(receipt=forged, key=key)
    assert (code, "the entry is not in the log" in told) == (1, True)


@pytest.mark.parametrize("reference", ["o-1", "b-1"])
def test_receipts_with_and_without_details_are_as_documented(
    log: None, acme: Brand, reader: Api, reference: str
) -> None:
    receipt = receipt_of(reader, acme, reference)
    assert (receipt["details"] is None) == (receipt["entry"]["details"] is None) == (reference == "o-1")
    documented(receipt, "Receipt")
    documented({name: value for name, value in receipt.items() if name != "details"}, "OwnReceipt")


def test_another_brands_key_does_not_verify_it(
    log: None, acme: Brand, reader: Api, foreign: Api, verify: Verify
) -> None:
    receipt = receipt_of(reader, acme)
    code, told = verify(receipt=receipt, key=foreign.get("/ledger/key").json(), alone=True)
    assert (code, told) == (
        1,
        "NOT VERIFIED: the checkpoint of acme.localhost/points with 5 leaves "
        "is not signed by the key given\n",
    )


@pytest.mark.parametrize(
    "files",
    [
        {"receipt": "{", "key": {"keys": []}},
        {"receipt": {"format": "another"}, "key": {"keys": []}},
        {"receipt": {"format": "loyalty-receipt-v1"}, "key": {"keys": []}},
        {"receipt": "{}", "key": {}},
        {"receipt": "{}", "key": "acme+00000000+AAAA"},
        {"checkpoint": {"note": 7}, "key": {"keys": []}},
        {"checkpoint": {}, "key": {"keys": []}},
        {"checkpoint": "not a checkpoint", "key": {"keys": []}},
    ],
)
def test_what_cannot_be_read_is_told_apart(verify: Verify, files: dict[str, Any]) -> None:
    code, told = verify(**files)
    assert code == 2
    assert told.startswith("UNUSABLE: ")


def test_two_checkpoints_and_the_proof_between_them(
    log: None, acme: Brand, reader: Api, now: datetime, verify: Verify
) -> None:
    older = reader.get("/ledger/checkpoints/latest").json()
    with in_brand(acme):
        earn(ANNA, 1, "o-4", now=now)
        earn(ANNA, 1, "o-5", now=now)
        sealed.seal(now)
    proof = reader.get("/ledger/consistency?from=5&to=7").json()
    assert {**proof, "hashes": len(proof["hashes"])} == {"from": 5, "to": 7, "hashes": 4}
    assert reader.get("/ledger/consistency?from=5").json() == proof
    key, receipt = reader.get("/ledger/key").json(), receipt_of(reader, acme)
    code, told = verify(receipt=receipt, key=key, older=older["note"], consistency=proof, alone=True)
    assert code == 0
    assert told.splitlines()[1] == "VERIFIED: the log of 7 leaves continues the one of 5"
    newest = reader.get("/ledger/checkpoints/latest").json()
    assert verify(checkpoint=newest, key=key, older=older, consistency=proof)[0] == 0
    assert verify(checkpoint=older, key=key, older=older)[0] == 0

    assert verify(receipt=receipt, key=key, older=older)[0] == 2  # the proof is wanted
    for place in range(4):
        spoilt = [*proof["hashes"]]
        spoilt[place] = base64.b64encode(bytes(32)).decode()
        code, told = verify(receipt=receipt, key=key, older=older, consistency={**proof, "hashes": spoilt})
        assert (code, "does not continue" in told) == (1, True)


def test_the_examples_of_the_documentation_verify(verify: Verify) -> None:
    receipt, key = logschemas.RECEIPT_EXAMPLES[0].value, logschemas.KEY_EXAMPLES[0].value
    assert verify(receipt=receipt, key=key)[0] == 0
    assert verify(receipt=logschemas.OWN_RECEIPT_EXAMPLES[0].value, key=key)[0] == 0
    assert verify(checkpoint=logschemas.CHECKPOINT_EXAMPLES[0].value["note"], key=key)[0] == 0


# --- the attack -------------------------------------------------------------------------------------------
def test_a_superuser_who_rewrites_history_is_found_even_after_rebuilding_the_log(
    log: None, acme: Brand, reader: Api, now: datetime, verify: Verify
) -> None:
    key = reader.get("/ledger/key").json()
    kept = reader.get("/ledger/checkpoints/latest").json()["note"]  # outside of the operator's reach
    mine = receipt_of(reader, acme)
    with in_brand(acme):
        sealed.damage("UPDATE points_entry SET points = 400 WHERE reference = 'b-1'")

        assert set(sealed.violated()) == {"T2"}
        # The receipt given out now shows it, too.
        assert verify(receipt=receipt_of(reader, acme), key=key)[0] == 1

        # So the operator makes the whole log anew, with the brand's own key, and the books look sound again.
        sealed.damage("DELETE FROM points_logleaf")
        sealed.damage("DELETE FROM points_checkpoint")
        sealed.damage("DELETE FROM points_logposition")
        earn(ANNA, 1, "o-4", now=now)
        assert sealed.seal(now) == 6
        assert sealed.violated() == {}
    forged = receipt_of(reader, acme)
    assert verify(receipt=forged, key=key)[0] == 0
    # But not to the auditor, who has the old checkpoint, nor to the member, who has the old receipt.
    proof = reader.get("/ledger/consistency?from=5&to=6").json()
    code, told = verify(receipt=forged, key=key, older=kept, consistency=proof, alone=True)
    assert code == 1
    assert "the log of 6 leaves does not continue the one of 5: history was rewritten" in told
    assert verify(receipt=mine, key=key, older=forged["checkpoint"], consistency=proof)[0] == 1
    assert mine["entry"]["points"] == 40


# --- the API ----------------------------------------------------------------------------------------------
def test_not_sealed_yet_is_a_refusal_to_repeat(acme: Brand, reader: Api, now: datetime) -> None:
    with in_brand(acme):
        earn(ANNA, 1, "o-1", now=now)
    answer = reader.get(f"/entries/{entry_of(acme, 'o-1').pk}/receipt")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_sealed_yet")
    assert answer["Retry-After"] == "20"


def test_before_the_first_sealing_there_is_a_key_but_no_checkpoint(acme: Brand, reader: Api) -> None:
    assert reader.get("/ledger/checkpoints").json() == {"items": [], "next_cursor": None}
    for path in ("/ledger/checkpoints/latest", "/ledger/consistency?from=1"):
        answer = reader.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(reader.get("/ledger/key").json()["keys"]) == 1


def test_checkpoints_are_listed_newest_first(log: None, acme: Brand, reader: Api, now: datetime) -> None:
    with in_brand(acme):
        earn(ANNA, 1, "o-4", now=now)
        sealed.seal(now)
    first = reader.get("/ledger/checkpoints?limit=1").json()
    assert [item["size"] for item in first["items"]] == [6]
    second = reader.get(f"/ledger/checkpoints?limit=1&cursor={first['next_cursor']}").json()
    assert [item["size"] for item in second["items"]] == [5]
    assert second["next_cursor"] is None
    assert reader.get("/ledger/checkpoints/latest").json() == first["items"][0]


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("", "/from", "required"),
        ("from=0", "/from", "min_value"),
        ("from=x", "/from", "invalid"),
        ("from=99999999999999999999", "/from", "max_value"),
        ("from=2&to=6", "/to", "beyond_log"),
        ("from=6", "/from", "order"),
        ("from=3&to=2", "/from", "order"),
        ("from=2&until=3", "/until", "unknown_field"),
    ],
)
def test_sizes_that_the_log_never_had_are_named(
    log: None, reader: Api, query: str, pointer: str, code: str
) -> None:
    answer = reader.get(f"/ledger/consistency?{query}")
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


def test_the_other_brand_does_not_find_it(log: None, acme: Brand, foreign: Api) -> None:
    answer = foreign.get(f"/entries/{entry_of(acme, 'b-1').pk}/receipt")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert foreign.get("/ledger/checkpoints").json()["items"] == []


def test_a_member_gets_receipts_of_their_own_entries_alone(
    log: None, acme: Brand, reader: Api, verify: Verify
) -> None:
    anna = sessions.signed_in("acme", ANNA)
    answer = anna.get(f"/me/receipts/{entry_of(acme, 'b-1').pk}")
    assert answer.status_code == 200
    receipt = answer.json()
    assert verify(receipt=receipt, key=reader.get("/ledger/key").json())[0] == 0
    # Neither the operators' words nor the salt that would let them be guessed.
    assert "details" not in receipt
    assert "收银台" not in answer.content.decode()
    whole = receipt_of(reader, acme)
    assert {**receipt, "details": whole["details"]} == whole
    assert whole["details"]["salt"] not in answer.content.decode()

    for reference in ("o-2", "a"):
        answer = anna.get(f"/me/receipts/{entry_of(acme, reference).pk}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# --- the console ------------------------------------------------------------------------------------------
@pytest.fixture
def owner(acme: Brand) -> Browser:
    return signed_in(acme, "owner")


def test_the_console_gives_the_receipt(
    log: None, acme: Brand, owner: Browser, reader: Api, verify: Verify
) -> None:
    entry = entry_of(acme, "b-1").pk
    page = owner.get(f"points/entry/{entry}/change/").content.decode()
    assert f'href="/console/points/entry/{entry}/receipt.json"' in page
    answer = owner.get(f"points/entry/{entry}/receipt.json")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="receipt-{entry}.json"'
    assert answer.json() == receipt_of(reader, acme)


def test_the_console_says_when_an_entry_is_not_sealed_yet(acme: Brand, owner: Browser, now: datetime) -> None:
    with in_brand(acme):
        earn(ANNA, 1, "o-1", now=now)
    entry = entry_of(acme, "o-1").pk
    page = owner.get(f"points/entry/{entry}/change/").content.decode()
    assert "not sealed yet; this takes less than a minute" in page
    assert owner.get(f"points/entry/{entry}/receipt.json").status_code == 404


def test_the_console_lists_checkpoints_and_gives_their_notes(
    log: None, acme: Brand, owner: Browser, reader: Api, verify: Verify
) -> None:
    latest = reader.get("/ledger/checkpoints/latest").json()
    page = owner.get("points/checkpoint/").content.decode()
    assert latest["root"].replace("+", "&#x2B;") in page or latest["root"] in page
    path = f"points/checkpoint/{latest['checkpoint_id']}"
    assert "acme.localhost/points" in owner.get(f"{path}/change/").content.decode()
    answer = owner.get(f"{path}/checkpoint.txt")
    assert answer["Content-Disposition"] == 'attachment; filename="checkpoint-5.txt"'
    assert answer.content.decode() == latest["note"]
    assert verify(checkpoint=answer.content.decode(), key=reader.get("/ledger/key").json())[0] == 0


def test_a_shop_assistant_may_take_neither(log: None, acme: Brand, reader: Api) -> None:
    shop = signed_in(acme, "shop")
    checkpoint = reader.get("/ledger/checkpoints/latest").json()["checkpoint_id"]
    assert shop.get(f"points/entry/{entry_of(acme, 'b-1').pk}/receipt.json").status_code == 403
    assert shop.get(f"points/checkpoint/{checkpoint}/checkpoint.txt").status_code == 403


def test_the_verifier_imports_nothing_of_ours() -> None:
    modules = [line for line in VERIFIER.read_text().splitlines() if line.startswith(("import ", "from "))]
    assert {line.split()[1].split(".")[0] for line in modules} == {
        "__future__", "argparse", "base64", "collections", "cryptography", "hashlib", "json", "pathlib",
        "sys", "typing",
    }  # fmt: skip
